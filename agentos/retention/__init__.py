"""Rules that archive or delete sessions by themselves, once somebody has made and switched on one."""

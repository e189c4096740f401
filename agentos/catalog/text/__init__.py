"""Full text search: what is indexed of a session, how it is stored, and how it is asked for."""

"""People and their rights: roles, the binding to an Agno user, one-time sign-in links and API tokens."""

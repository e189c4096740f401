"""Agno's databases: which there are (`sources`), reading them (`reader`) and continuing their sessions (`writer`).

Nothing outside this package knows a table or a column of Agno's.
"""

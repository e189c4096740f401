"""AgentOS servers elsewhere that answer in the sessions of their agents, teams and workflows: discovery and API."""

"""The engine of AgentOS Sessions: everything that works without a page."""

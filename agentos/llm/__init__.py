"""Who answers: an OpenAI-compatible model server, or the offline demo model."""

"""M3's memory: principal scene components, principal queries and the attention between them."""

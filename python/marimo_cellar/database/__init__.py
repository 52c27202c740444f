"""One database: opened and believed or set aside, its transactions, and its log.

As `src/store` in TypeScript, this knows the format and nothing of what is cached.
"""

"""What a run came to, told: the report's fields, its verdict, its charts, its page, and what stands in the terminal."""

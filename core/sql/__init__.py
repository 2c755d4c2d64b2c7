"""Parts of ClickHouse queries."""

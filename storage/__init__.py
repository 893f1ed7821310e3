"""The store on disk: durable appends, snapshots in DuckDB, images by content. Start at `storage.store`."""

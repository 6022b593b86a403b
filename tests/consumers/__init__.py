"""Two webhook receivers as apps have them, one careful, one sloppy: what `mocksrv check-consumer` is tried on."""

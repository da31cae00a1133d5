//! The gateway's program: listeners, shard, store, administration.

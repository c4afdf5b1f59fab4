//! The daemon's API as a stranger sees it: compiled from `proto/` alone.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

tonic::include_proto!("carrierd.v1");

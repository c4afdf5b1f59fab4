//! Compiles the API from `proto/`, without `protoc`.

/// The files whose services the daemon serves; what they import comes along.
const SERVED: [&str; 5] = [
    "carrierd/v1/sms_service.proto",
    "carrierd/v1/call_service.proto",
    "carrierd/v1/event_service.proto",
    "carrierd/v1/trunk_service.proto",
    "carrierd/v1/admin_service.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=src/grpc/build.rs");
    let descriptors = protox::compile(SERVED, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("carrierd.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure()
        .bytes(".")
        // Sorted maps make an encoding canonical, so that its digest tells the same request from another.
        .btree_map(".")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(descriptors)?;
    Ok(())
}

//! Compiles the API from `proto/` for a client that shares no code with the daemon's own.

const USED: [&str; 4] = [
    "carrierd/v1/call_service.proto",
    "carrierd/v1/event_service.proto",
    "carrierd/v1/sms_service.proto",
    "carrierd/v1/trunk_service.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../proto");
    println!("cargo:rerun-if-changed=build.rs");
    let descriptors = protox::compile(USED, ["../proto"])?;
    tonic_prost_build::configure()
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .compile_fds(descriptors)?;
    Ok(())
}

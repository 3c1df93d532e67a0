//! bnpd, the API server of bnna.

fn main() -> std::process::ExitCode {
    bnpd::cli::main()
}

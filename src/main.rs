//! The `kubespore` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubespore::cli::main()
}

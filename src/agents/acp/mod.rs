//! The Agent Client Protocol on standard input and output, as Gemini CLI 0.61.0 (`gemini --acp`) and opencode 1.18.33
//! (`opencode acp`) speak it: a turn that a person can be asked in and take back.
//!
//! Not for how the programs are started (their own rooms say that). They are offered no files and no terminals: they use
//! their own tools. Invariant: what is to be sent follows from what was read, so that another server goes on from the
//! recording.

mod ask;
mod reader;
mod tools;
mod words;

use std::path::Path;

use serde_json::{Value, json};

use super::rpc;

pub(super) use reader::Acp;

/// The method that opens a conversation. It is answered at once, always the same way.
const HELLO: &str = "initialize";
/// The version of the protocol that is spoken.
const VERSION: u32 = 1;

/// The lines that open a conversation, written down by the launch.
pub(super) fn opening(resume: Option<&str>, cwd: &Path) -> String {
    let mut open = json!({"cwd": cwd.to_string_lossy(), "mcpServers": []});
    let method = match resume {
        Some(id) => {
            open["sessionId"] = json!(id);
            "session/load"
        }
        None => "session/new",
    };
    let lines: [Value; 2] = [rpc::request(rpc::HELLO, HELLO, hello()), rpc::request(rpc::OPEN, method, open)];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What we say of ourselves.
fn hello() -> Value {
    let about = json!({"name": "loopmon", "title": "loopmon", "version": env!("CARGO_PKG_VERSION")});
    let capabilities = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
    json!({"protocolVersion": VERSION, "clientCapabilities": capabilities, "clientInfo": about})
}

#[cfg(test)]
mod tests;

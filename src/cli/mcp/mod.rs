//! `loopmon mcp`: the back channel of an agent, spoken by its own process on standard input and output.
//!
//! The protocol is the `rmcp` crate's. Invariant: it speaks for the session whose environment it has, and for no other; a
//! server that is away is waited for, so that an agent outlives it.

mod tools;

use std::path::PathBuf;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::stdio;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use tokio::time::Instant;

use super::{Failure, Outcome};
use crate::client::{self, LinkError};
use crate::model::StepKind;
use crate::process::SESSION_MARKER;
use crate::protocol::agent::Call;

/// How long a server that is away is waited for, by a call that does not wait for a person.
const AWAY_LIMIT: Duration = Duration::from_secs(5);
/// Between two tries to reach it.
const RETRY: Duration = Duration::from_millis(250);
/// Between two signs of life while a person is waited for: clients give up calls that are silent.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// What is told of the tools as a whole.
const INSTRUCTIONS: &str = "loopmon runs you as one of several agents on a task board. read_task says what your task is \
    and how it stands, read_board how the others are. Hand your result in with hand_in when you are done. Ask a person \
    with ask_person only for what you can't decide: it holds your task up.";

/// Speaks until the agent hangs up.
pub fn mcp() -> Outcome {
    let channel = Channel::of_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let running = channel.serve(stdio()).await.map_err(|error| Failure::new(error.to_string()))?;
        running.waiting().await.map_err(|error| Failure::new(error.to_string()))
    });
    // A read of standard input that is under way can't be taken back, and is nobody's any more.
    runtime.shutdown_background();
    served.map(|_| 0)
}

/// The way to the server, for one session.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The session's marker.
    pub session: String,
    /// The server's socket.
    pub socket: PathBuf,
    step: StepKind,
}

impl Channel {
    /// That of the session whose process this is.
    pub fn of_environment() -> Result<Channel, Failure> {
        let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let outside = || {
            Failure::usage(
                "this is for agents in a session of loopmon: LOOPMON_SESSION and LOOPMON_SOCKET are not set",
            )
        };
        let step = value("LOOPMON_STEP");
        let step = StepKind::ALL.into_iter().find(|kind| Some(kind.name()) == step.as_deref());
        Ok(Channel {
            session: value(SESSION_MARKER).ok_or_else(outside)?,
            socket: value("LOOPMON_SOCKET").map(PathBuf::from).ok_or_else(outside)?,
            step: step.unwrap_or(StepKind::Implement),
        })
    }

    /// The server's answer. While it is away it is called again, a question as long as its person would be waited for.
    async fn call(&self, call: Call) -> Result<String, String> {
        let patience = match &call {
            Call::Ask { timeout_ms, .. } => Duration::from_millis(*timeout_ms).max(AWAY_LIMIT),
            _ => AWAY_LIMIT,
        };
        let give_up = Instant::now() + patience;
        loop {
            match client::call(&self.socket, &self.session, call.clone()).await {
                Ok(answer) => return answer,
                Err(LinkError::Refused(reason)) => return Err(reason),
                Err(LinkError::Gone) if Instant::now() < give_up => tokio::time::sleep(RETRY).await,
                Err(LinkError::Gone | LinkError::Silent(_)) => {
                    return Err("loopmon's server is away: go on without it, and try again later".to_owned());
                }
            }
        }
    }
}

impl ServerHandler for Channel {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("loopmon", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list(self.step)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let call = match tools::call(&request.name, arguments) {
            Some(Ok(call)) => call,
            Some(Err(problem)) => return Ok(told(Err(problem))),
            None => {
                return Err(ErrorData::invalid_params(format!("there is no tool {}", request.name), None));
            }
        };
        let mut signs = tokio::time::interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
        let answer = self.call(call);
        tokio::pin!(answer);
        let mut count = 0.0;
        loop {
            tokio::select! {
                answer = &mut answer => return Ok(told(answer)),
                // Who asked does not want to know any more: the line is hung up by dropping it.
                () = context.ct.cancelled() => return Ok(told(Err("cancelled".to_owned()))),
                _ = signs.tick() => {
                    count += 1.0;
                    if let Some(token) = context.meta.get_progress_token() {
                        let sign = ProgressNotificationParam::new(token, count).with_message("waits for a person");
                        let _gone = context.peer.notify_progress(sign).await;
                    }
                }
            }
        }
    }
}

fn told(answer: Result<String, String>) -> CallToolResponse {
    let result = match answer {
        Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
        Err(reason) => CallToolResult::error(vec![ContentBlock::text(reason)]),
    };
    result.into()
}

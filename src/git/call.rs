//! One hardened call of git: arguments in, captured output out.
//!
//! Not for knowing what a call means. Invariant: a call never prompts, never reads our stdin, never runs hooks or
//! fsmonitor, and never outlives its timeout: its process group is killed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group};

use super::GitError;

/// Where git is and in which environment it runs.
#[derive(Debug, Clone)]
pub struct Git {
    program: OsString,
    env: Vec<(OsString, OsString)>,
    timeout: Duration,
}

/// A call that is being put together.
pub(super) struct Call<'a> {
    git: &'a Git,
    directory: PathBuf,
    subcommand: &'static str,
    globals: Vec<OsString>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    input: Option<Vec<u8>>,
    accepted: &'static [i32],
    limit: usize,
}

/// What a call answered.
pub(super) struct Output {
    pub code: i32,
    pub stdout: Vec<u8>,
    /// More was said than the limit allowed; git was stopped.
    pub truncated: bool,
}

/// Switches that no call goes without. Each is a way by which a repository's files or configuration could make git
/// run a program, wait for one, or answer in another form than expected.
const HARDENED: [&str; 20] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "protocol.ext.allow=never",
    "commit.gpgSign=false",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "status.submoduleSummary=false",
    "core.quotePath=false",
    "core.safecrlf=false",
    "core.splitIndex=false",
    "core.untrackedCache=false",
    "core.filesRefLockTimeout=5000",
    "core.packedRefsTimeout=10000",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "merge.autoStash=false",
    "merge.conflictStyle=merge",
    "trailer.separators=:",
];
/// These say where the user's own configuration is, so they stay; every other `GIT_*` is removed.
const KEPT_ENV: [&str; 3] = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
const DEFAULT_LIMIT: usize = 256 << 20;
const STDERR_LIMIT: usize = 64 << 10;

impl Default for Git {
    fn default() -> Self {
        Self { program: "git".into(), env: Vec::new(), timeout: Duration::from_secs(120) }
    }
}

impl Git {
    /// A git that sees no configuration of the user or the machine, with `home` as its home. For tests and demos.
    pub fn isolated(home: &Path) -> Self {
        let env = [
            ("HOME", home.as_os_str()),
            ("XDG_CONFIG_HOME", home.as_os_str()),
            ("GIT_CONFIG_GLOBAL", OsStr::new("/dev/null")),
            ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
        ];
        let env = env.map(|(key, value)| (key.into(), value.into())).to_vec();
        Self { env, ..Self::default() }
    }

    /// The same with another program in git's place.
    pub fn with_program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// The same with another limit on the time of one call.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Checks that git is there and new enough (2.38, for `merge-tree --write-tree`); answers its version.
    pub fn version(&self) -> Result<String, GitError> {
        let text = self.call(Path::new("/"), "version").text()?;
        let found = text.split_whitespace().nth(2).unwrap_or("?").to_owned();
        let mut parts = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if version < (2, 38) { Err(GitError::TooOld { found }) } else { Ok(found) }
    }

    /// The name and address that commits from a folder have, if both are configured.
    pub fn identity(&self, directory: &Path) -> Result<Option<(String, String)>, GitError> {
        let get = |key: &str| {
            let call = self.call(directory, "config").args(["--get", key]).accept(&[0, 1]);
            call.text().map(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
        };
        Ok(get("user.name")?.zip(get("user.email")?))
    }

    pub(super) fn call(&self, directory: &Path, subcommand: &'static str) -> Call<'_> {
        Call {
            git: self,
            directory: directory.to_owned(),
            subcommand,
            globals: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            input: None,
            accepted: &[0],
            limit: DEFAULT_LIMIT,
        }
    }
}

impl Call<'_> {
    /// The repository and the work tree, named outright, so that no `.git` file is followed.
    pub fn at(mut self, git_dir: &Path, work_tree: &Path) -> Self {
        self.globals.push(joined("--git-dir=", git_dir));
        self.globals.push(joined("--work-tree=", work_tree));
        self
    }

    /// One more setting for this call.
    pub fn setting(mut self, setting: &str) -> Self {
        self.globals.extend(["-c".into(), setting.into()]);
        self
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, key: &str, value: impl Into<OsString>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Works on this index instead of the checkout's.
    pub fn index(self, path: &Path) -> Self {
        self.env("GIT_INDEX_FILE", path)
    }

    pub fn input(mut self, input: Vec<u8>) -> Self {
        self.input = Some(input);
        self
    }

    /// Exit codes that are answers, not failures.
    pub fn accept(mut self, codes: &'static [i32]) -> Self {
        self.accepted = codes;
        self
    }

    /// Stops git after this many bytes of output.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    pub fn run(self) -> Result<Output, GitError> {
        let started = Instant::now();
        let mut child = self.spawn()?;
        let captured = capture(&mut child, started + self.git.timeout, self.limit);
        tracing::debug!(command = %self.shown(), ms = started.elapsed().as_millis() as u64, "git");
        let io = |source| GitError::Spawn { directory: self.directory.clone(), source };
        match captured.map_err(io)? {
            Captured::TimedOut => {
                Err(GitError::TimedOut { command: self.shown(), seconds: self.git.timeout.as_secs() })
            }
            Captured::Truncated { stdout } => Ok(Output { code: 0, stdout, truncated: true }),
            Captured::Ended { code: Some(code), stdout, .. } if self.accepted.contains(&code) => {
                Ok(Output { code, stdout, truncated: false })
            }
            Captured::Ended { code, stderr, .. } => {
                let stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
                Err(GitError::Failed { command: self.shown(), code, stderr })
            }
        }
    }

    /// Runs and answers the output as text without its last newline.
    pub fn text(self) -> Result<String, GitError> {
        let mut stdout = self.run()?.stdout;
        if stdout.last() == Some(&b'\n') {
            stdout.pop();
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    fn spawn(&self) -> Result<Child, GitError> {
        let mut command = Command::new(&self.git.program);
        command.current_dir(&self.directory).process_group(0);
        command.args(["--no-pager", "--literal-pathspecs"]);
        for setting in HARDENED {
            command.args(["-c", setting]);
        }
        command.args(&self.globals).arg(self.subcommand).args(&self.args);
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("GIT_") && !KEPT_ENV.contains(&name.as_ref()) {
                command.env_remove(&key);
            }
        }
        command.envs([("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0"), ("LC_ALL", "C")]);
        command.envs([("GIT_EDITOR", ":"), ("GIT_ADVICE", "0")]);
        command.envs(self.git.env.iter().map(|(k, v)| (k, v)));
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        let stdin = match &self.input {
            Some(bytes) => spooled(bytes).map(Stdio::from),
            None => Ok(Stdio::null()),
        };
        let directory = self.directory.clone();
        let stdin = stdin.map_err(|source| GitError::Spawn { directory: directory.clone(), source })?;
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound if directory.is_dir() => {
                GitError::Missing { program: self.git.program.to_string_lossy().into_owned() }
            }
            _ => GitError::Spawn { directory, source },
        })
    }

    fn shown(&self) -> String {
        let mut shown = format!("git {}", self.subcommand);
        for arg in &self.args {
            shown.push(' ');
            shown.push_str(&arg.to_string_lossy());
        }
        match shown.char_indices().nth(200) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        }
    }
}

enum Captured {
    Ended { code: Option<i32>, stdout: Vec<u8>, stderr: Vec<u8> },
    Truncated { stdout: Vec<u8> },
    TimedOut,
}

/// Input goes through a file, so that neither side can wait for the other.
fn spooled(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

fn capture(child: &mut Child, deadline: Instant, limit: usize) -> std::io::Result<Captured> {
    let mut out = Drain::new(child.stdout.take());
    let mut err = Drain::new(child.stderr.take());
    while out.is_open() || err.is_open() {
        let Some(left) = remaining(deadline) else {
            kill_group(child);
            return Ok(Captured::TimedOut);
        };
        let (out_ready, err_ready) = wait_ready(&out, &err, left)?;
        if out_ready {
            out.read_some()?;
        }
        if err_ready {
            err.read_some()?;
        }
        err.bytes.truncate(STDERR_LIMIT);
        if out.bytes.len() > limit {
            kill_group(child);
            out.bytes.truncate(limit);
            return Ok(Captured::Truncated { stdout: out.bytes });
        }
    }
    match wait_until(child, deadline)? {
        Some(status) => Ok(Captured::Ended { code: status.code(), stdout: out.bytes, stderr: err.bytes }),
        None => {
            kill_group(child);
            Ok(Captured::TimedOut)
        }
    }
}

/// One pipe of the child and what came through it.
struct Drain<R> {
    pipe: Option<R>,
    bytes: Vec<u8>,
}

impl<R: Read + AsFd> Drain<R> {
    fn new(pipe: Option<R>) -> Self {
        Self { pipe, bytes: Vec::new() }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    fn read_some(&mut self) -> std::io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let mut buffer = [0; 64 << 10];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => self.bytes.extend(buffer.iter().take(count)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn wait_ready<A: AsFd, B: AsFd>(a: &Drain<A>, b: &Drain<B>, left: Duration) -> std::io::Result<(bool, bool)> {
    let a = a.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
    let b = b.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
    let a_first = a.is_some();
    let mut fds: Vec<PollFd<'_>> = a.into_iter().chain(b).collect();
    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
    let a_ready = a_first && ready.next().unwrap_or(false);
    Ok((a_ready, ready.next().unwrap_or(false)))
}

fn wait_until(child: &mut Child, deadline: Instant) -> std::io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let Some(left) = remaining(deadline) else { return Ok(None) };
        // Both pipes are closed, so the end is a matter of microseconds.
        match rustix::process::pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
            Ok(process) => wait_readable(&process, left)?,
            // Some sandboxes don't know the call.
            Err(_) => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

fn wait_readable(fd: &impl AsFd, left: Duration) -> std::io::Result<()> {
    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn remaining(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

fn kill_group(child: &mut Child) {
    // The child leads its own group and is not yet reaped, so its id cannot name somebody else.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

fn joined(prefix: &str, path: &Path) -> OsString {
    let mut arg = OsString::from(prefix);
    arg.push(path);
    arg
}

//! `loopmon auth configure`: what the configuration needs so that each agent found here can log in.
//!
//! Invariant: only lists of names are written (`env` of an agent), into a file whose every other character stays, and
//! only if the settings as a whole are right after that.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::agent::roster::{Member, roster};
use crate::cli::args::AuthConfigureArgs;
use crate::cli::out::say;
use crate::cli::{Failure, Outcome, project, shown};
use crate::config::{self, AgentKind, Reading, Source};
use crate::learn::FoundLogin;
use crate::server::places::Places;
use crate::server::settings;

/// Prints what would change, or changes it.
pub fn configure(dir: &Path, args: &AuthConfigureArgs) -> Outcome {
    let members = roster(&project::settings(dir)?.config);
    let target = Target::of(dir, args.user)?;
    let (old, mut new) = (target.text.clone(), target.text.clone());
    known_agents(&members, &args.logins)?;
    for member in &members {
        let wanted = args.logins.iter().rev().find(|(agent, _)| *agent == member.agent.name);
        let proposal = propose(member, wanted.map(|(_, mode)| mode.as_str()))?;
        if let Some(env) = &proposal.env {
            new = config::with_env(&new, &member.agent.name, env)
                .map_err(|error| Failure::usage(format!("{}: could not {error}", target.path.display())))?;
        }
        if !proposal.words.is_empty() {
            say!("{}", shown(&format!("{}: {}", member.agent.name, proposal.words)));
        }
    }
    let changes = super::diff::unified(&target.path.display().to_string(), &old, &new);
    if changes.is_empty() {
        say!("nothing has to change in {}", target.path.display());
        return Ok(0);
    }
    say!("{}", shown(&changes.join("\n")));
    target.check(&new)?;
    if !args.write {
        say!("nothing was written: `loopmon auth configure --write` does it");
        return Ok(0);
    }
    target.write(&new)?;
    say!("wrote {}", target.path.display());
    Ok(0)
}

fn known_agents(members: &[Member], logins: &[(String, String)]) -> Result<(), Failure> {
    let names: Vec<&str> = members.iter().map(|member| member.agent.name.as_str()).collect();
    match logins.iter().find(|(agent, _)| !names.contains(&agent.as_str())) {
        Some((agent, _)) => {
            Err(Failure::usage(format!("there is no agent {agent:?}; there are {}", names.join(", "))))
        }
        None => Ok(()),
    }
}

/// What is proposed for an agent.
struct Proposal {
    /// Its list, if that has to change.
    env: Option<Vec<String>>,
    /// How it logs in then; nothing for one that is not of interest.
    words: String,
}

fn propose(member: &Member, wanted: Option<&str>) -> Result<Proposal, Failure> {
    let untouched = |words: String| Ok(Proposal { env: None, words });
    if member.agent.kind == AgentKind::Command {
        return match wanted {
            Some(_) => Err(Failure::usage(format!(
                "{} is a plain command: name its variables in `env` yourself",
                member.agent.name
            ))),
            None => untouched(String::new()),
        };
    }
    if member.program.is_none() && wanted.is_none() {
        return untouched(String::new());
    }
    let login = match chosen(member, wanted)? {
        Choice::Login(login) => login,
        Choice::None => return untouched(member.login_words()),
        Choice::Several(names) => {
            let first = names.first().copied().unwrap_or_default();
            return untouched(format!(
                "no login: set, but kept from it: {}; give it one: --login {}={first}",
                names.join(", "),
                member.agent.name
            ));
        }
    };
    let mut env: Vec<String> = member.agent.env.clone();
    for name in &login.withheld {
        env.retain(|entry| entry.strip_prefix('!') != Some(*name));
        if !member_gets(member, &env, name) {
            env.push((*name).to_owned());
        }
    }
    // What its program would take before is kept from it.
    let before = member.logins.iter().take_while(|other| *other != login).filter(|other| other.is_ready());
    for other in before {
        if other.variables.is_empty() {
            return Err(Failure::new(format!(
                "{} takes its {} first ({}): log out there to have it log in by {}",
                member.agent.name,
                other.mode,
                other.by().join(", "),
                login.mode
            )));
        }
        env.extend(other.variables.iter().map(|name| format!("!{name}")));
    }
    let words = format!("logs in by {} ({})", login.mode, login.by().join(", "));
    Ok(Proposal { env: (env != member.agent.env).then_some(env), words })
}

fn member_gets(member: &Member, env: &[String], name: &str) -> bool {
    crate::agents::reaches(name, member.profile.kind, env)
}

/// The login that is to be used.
enum Choice<'m> {
    Login(&'m FoundLogin),
    None,
    /// There are keys that it could get, and only a person can say which.
    Several(Vec<&'static str>),
}

/// The login that is asked for, by its mode or by a variable of it; else the one that is used already, or the only one
/// that could be.
fn chosen<'m>(member: &'m Member, wanted: Option<&str>) -> Result<Choice<'m>, Failure> {
    let Some(wanted) = wanted else {
        return Ok(match (member.login(), member.logins.as_slice()) {
            (Some(login), _) | (None, [login]) => Choice::Login(login),
            (None, []) => Choice::None,
            (None, all) => Choice::Several(all.iter().flat_map(|login| &login.withheld).copied().collect()),
        });
    };
    let is_it =
        |login: &&FoundLogin| login.mode.eq_ignore_ascii_case(wanted) || login.variables.contains(&wanted);
    let found = member.logins.iter().find(is_it).map(Choice::Login);
    found.ok_or_else(|| {
        let there: Vec<&str> = member.logins.iter().map(|login| login.mode).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Failure::usage(format!("{} has no login {wanted:?} here; there are: {there}", member.agent.name))
    })
}

/// The file that is changed, among those that hold.
struct Target {
    path: PathBuf,
    text: String,
    /// The other file that holds, if there is one: its path and its text.
    other: Option<(PathBuf, String)>,
    /// Whether it is the person's own, which the project's comes after.
    is_users: bool,
}

impl Target {
    fn of(dir: &Path, users: bool) -> Result<Target, Failure> {
        let own = project::root(dir).map(|root| Places::of(&root)).transpose()?.map(|places| places.config());
        let user = settings::user_config();
        let (path, other, is_users) = match (own, user) {
            (Some(own), user) if !users => (own, user, false),
            (own, Some(user)) => (user, own, true),
            (_, None) => {
                return Err(Failure::new("neither XDG_CONFIG_HOME nor HOME is set: set one of them"));
            }
        };
        let text = read(&path)?;
        let other = other.map(|path| read(&path).map(|text| (path, text))).transpose()?;
        Ok(Target { path, text, other, is_users })
    }

    /// Refuses a change after which the settings would be wrong.
    fn check(&self, new: &str) -> Result<(), Failure> {
        let name = self.path.display().to_string();
        let other = self.other.as_ref().map(|(path, text)| (path.display().to_string(), text));
        let other = other.as_ref().map(|(file, text)| Source { file, text });
        let this = Source { file: &name, text: new };
        let sources: Vec<Source<'_>> = match self.is_users {
            true => std::iter::once(this).chain(other).collect(),
            false => other.into_iter().chain([this]).collect(),
        };
        Reading::of(&sources).finish().map(drop).map_err(|problems| Failure::usage(problems.to_string()))
    }

    /// A link stays one, and the file keeps its mode.
    fn write(&self, new: &str) -> Result<(), Failure> {
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let dir = path.parent().ok_or_else(|| Failure::new("the file has no folder"))?;
        std::fs::create_dir_all(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(new.as_bytes())?;
        let mode = std::fs::metadata(&path).map(|found| found.permissions());
        let plain = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
        file.as_file().set_permissions(mode.unwrap_or(plain))?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::new(format!("{}: {error}", path.display()))),
    }
}

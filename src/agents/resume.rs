//! The ids of providers' sessions: chosen where the program lets us, checked before they are given to one.

use sha2::{Digest, Sha256};

use super::launch::{LaunchError, LaunchRequest};
use super::stream::is_session_id;
use super::template;

/// The id of the session that a launch is to go on with, if it is one.
pub(super) fn id<'a>(request: &LaunchRequest<'a>) -> Result<Option<&'a str>, LaunchError> {
    match request.resume {
        Some(id) if !is_session_id(id) => Err(LaunchError::Unsupported {
            agent: request.agent().clone(),
            problem: "the stored session id is none; retry without it".to_owned(),
        }),
        resume => Ok(resume),
    }
}

/// The arguments that have a program go on with that session: those of the profile, or the adapter's own.
pub(super) fn arguments(
    request: &LaunchRequest<'_>,
    own: impl FnOnce(&str) -> Vec<String>,
) -> Result<Vec<String>, LaunchError> {
    match id(request)? {
        None => Ok(Vec::new()),
        Some(id) if request.profile.resume_args.is_empty() => Ok(own(id)),
        Some(_) => template::fill(request, &request.profile.resume_args),
    }
}

/// A UUID for a session of ours: always the same for the same one.
pub(super) fn chosen(session: &str) -> String {
    let digest = Sha256::digest(session.as_bytes());
    let mut bytes: Vec<u8> = digest.iter().copied().take(16).collect();
    // Version 8 ("made by whoever made it") and the usual variant.
    if let Some(byte) = bytes.get_mut(6) {
        *byte = *byte & 0x0f | 0x80;
    }
    if let Some(byte) = bytes.get_mut(8) {
        *byte = *byte & 0x3f | 0x80;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_id_is_a_uuid_and_stays_the_same() {
        let id = chosen("r1-e1");
        assert_eq!(id, chosen("r1-e1"));
        assert_ne!(id, chosen("r1-e2"));
        assert_eq!(id.len(), 36);
        assert_eq!((&id[14..15], id.chars().filter(|c| *c == '-').count()), ("8", 4));
    }
}

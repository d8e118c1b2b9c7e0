//! The environment that the server was started with, as agents and gates choose from it.

/// Every variable that is text.
pub fn of_this_process() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

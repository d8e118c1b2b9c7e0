//! Themes: colour roles from TOML.

//! git, driven as a subprocess.

//! The throw-away project of `loopmon demo`, as it is laid out.

/// The files of the demo: path, and text. `loopmon.toml` holds the placeholders `{loopmon}` and `{script}`; `plan.toml`
/// and `script.toml` belong to the run rather than to the repository.
pub fn demo_files() -> &'static [(&'static str, &'static str)] {
    &[
        ("README.md", include_str!("../../assets/demo/README.md")),
        ("garden", include_str!("../../assets/demo/garden")),
        ("lib/base/store.sh", include_str!("../../assets/demo/lib/base/store.sh")),
        ("lib/cmd_add.sh", include_str!("../../assets/demo/lib/cmd_add.sh")),
        ("lib/cmd_list.sh", include_str!("../../assets/demo/lib/cmd_list.sh")),
        ("tests/run.sh", include_str!("../../assets/demo/tests/run.sh")),
        ("tests/test_add.sh", include_str!("../../assets/demo/tests/test_add.sh")),
        ("tests/test_list.sh", include_str!("../../assets/demo/tests/test_list.sh")),
        ("loopmon.toml", include_str!("../../assets/demo/loopmon.toml")),
        ("plan.toml", include_str!("../../assets/demo/plan.toml")),
        ("script.toml", include_str!("../../assets/demo/script.toml")),
    ]
}

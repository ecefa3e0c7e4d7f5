//! The texts a machine receives, with their blanks filled in.
//!
//! In: a template's name and values. Out: text. Absent on purpose: decisions (`plan` makes them) and
//! documents that are data rather than prose: kubeadm's and cloud-init's are built from values, so
//! that no YAML ever depends on indentation.
//!
//! The file name chooses the quoting: in `*.toml.j2` every value prints as a quoted JSON string (which is
//! a TOML string too), in `*.html.j2` escaped for HTML, elsewhere as it is. An undefined value is an error, and a template error is a fault of this
//! program.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

macro_rules! embed {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../templates/", $name)))),*] };
}

/// Every template, by its path below `templates/`.
pub const TEMPLATES: &[(&str, &str)] = embed![
    "balancer/haproxy/haproxy.cfg.j2",
    "node/hosts.j2",
    "output/README.md.j2",
    "output/index.html.j2",
    "output/upload-certs.sh.j2",
    "profile/starter.yaml.j2",
    "rotation/rotate-ca.sh.j2",
    "runtime/containerd/config.toml.j2",
    "runtime/containerd/hosts.toml.j2",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .expect("the delimiters are minijinja's own"),
    );
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.strip_suffix(".j2").and_then(|name| name.rsplit_once('.')) {
        Some((_, "toml")) => AutoEscape::Json,
        Some((_, "html")) => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).unwrap_or_else(|error| panic!("templates/{name}: {error}"));
    }
    environment
});

/// Fills in a template.
///
/// # Panics
/// When the template is missing or wants a value it is not given: a fault of this program.
#[must_use]
pub fn fill(name: &str, values: impl Serialize) -> String {
    ENVIRONMENT
        .get_template(name)
        .and_then(|template| template.render(minijinja::value::Serde(values)))
        .unwrap_or_else(|error| panic!("templates/{name}: {error}\nthis is a fault of kubespore, not of your profile"))
}

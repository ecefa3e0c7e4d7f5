//! Kubeconfigs made from the bundle.
//!
//! In: the bundle and the endpoint. Out: YAML. Absent on purpose: files on nodes that kubeadm makes itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Bundle, CertifiedKey};
use crate::yaml::{Yaml, to_string};

/// The administrator's kubeconfig, which exists before the cluster does.
#[must_use]
pub fn admin_kubeconfig(bundle: &Bundle, endpoint: &str) -> String {
    let context = format!("kubernetes-admin@{}", bundle.cluster);
    let user = Yaml::map([
        ("client-certificate-data", data(&bundle.admin.certificate)),
        ("client-key-data", data(bundle.admin.key.expose())),
    ]);
    let names = Yaml::map([("cluster", Yaml::str(bundle.cluster.as_str())), ("user", Yaml::str("kubernetes-admin"))]);
    to_string(&Yaml::map([
        ("apiVersion", Yaml::str("v1")),
        ("kind", Yaml::str("Config")),
        ("clusters", cluster(&bundle.cluster, bundle, endpoint)),
        ("users", Yaml::Seq(vec![Yaml::map([("name", Yaml::str("kubernetes-admin")), ("user", user)])])),
        ("contexts", Yaml::Seq(vec![Yaml::map([("name", Yaml::str(context.as_str())), ("context", names)])])),
        ("current-context", Yaml::str(context)),
    ]))
}

/// How a machine shows at discovery who it is.
#[derive(Clone, Copy)]
pub enum Joiner<'a> {
    /// By a certificate, which is its credential to join as well.
    Certificate(&'a CertifiedKey),
    /// By its bootstrap token, so that nothing has to be open to anonymous requests.
    Token(&'a str),
}

/// What kubeadm discovers the cluster by: endpoint and CA, and how the machine shows who it is.
///
/// Without one there is no context and the cluster has no name: a context without a user would be refused
/// ("user was not specified for context").
#[must_use]
pub fn discovery_kubeconfig(bundle: &Bundle, endpoint: &str, user: Option<Joiner<'_>>) -> String {
    const USER: &str = "joining-node";
    let name = if user.is_some() { bundle.cluster.as_str() } else { "" };
    let named = |key: &str, value: Yaml| Yaml::Seq(vec![Yaml::map([("name", Yaml::str(USER)), (key, value)])]);
    let mut pairs = vec![
        ("apiVersion".to_owned(), Yaml::str("v1")),
        ("kind".to_owned(), Yaml::str("Config")),
        ("clusters".to_owned(), cluster(name, bundle, endpoint)),
    ];
    match user {
        None => pairs.extend(["users", "contexts"].map(|key| (key.to_owned(), Yaml::Seq(vec![])))),
        Some(user) => {
            let own = match user {
                Joiner::Certificate(own) => {
                    Yaml::map([("client-certificate-data", data(&own.certificate)), ("client-key-data", data(own.key.expose()))])
                }
                Joiner::Token(token) => Yaml::map([("token", Yaml::str(token))]),
            };
            let context = Yaml::map([("cluster", Yaml::str(name)), ("user", Yaml::str(USER))]);
            pairs.push(("users".to_owned(), named("user", own)));
            pairs.push(("contexts".to_owned(), named("context", context)));
            pairs.push(("current-context".to_owned(), Yaml::str(USER)));
        }
    }
    to_string(&Yaml::Map(pairs))
}

fn cluster(name: &str, bundle: &Bundle, endpoint: &str) -> Yaml {
    let server = Yaml::str(format!("https://{endpoint}"));
    let cluster = Yaml::map([("server", server), ("certificate-authority-data", data(&bundle.trusted()))]);
    Yaml::Seq(vec![Yaml::map([("name", Yaml::str(name)), ("cluster", cluster)])])
}

fn data(pem: &str) -> Yaml {
    Yaml::Str(STANDARD.encode(pem))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::secrets::sample::bundle;
    use crate::yaml;

    fn read(text: &str) -> Value {
        yaml::to_json(&yaml::parse(text).expect("YAML"))
    }

    #[test]
    fn the_administrator_finds_the_endpoint_and_proves_itself() {
        let bundle = bundle();
        let config = read(&admin_kubeconfig(&bundle, "api.lab:6443"));
        let context = &config["contexts"][0];
        assert_eq!(config["current-context"], context["name"]);
        assert_eq!(context["context"], json!({"cluster": config["clusters"][0]["name"], "user": config["users"][0]["name"]}));
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://api.lab:6443");
        let decoded = |value: &Value| STANDARD.decode(value.as_str().expect("a string")).expect("base64");
        let user = &config["users"][0]["user"];
        assert_eq!(decoded(&user["client-certificate-data"]), bundle.admin.certificate.as_bytes());
        assert_eq!(decoded(&user["client-key-data"]), bundle.admin.key.expose().as_bytes());
        assert_eq!(decoded(&config["clusters"][0]["cluster"]["certificate-authority-data"]), bundle.ca.certificate.as_bytes());
    }

    #[test]
    fn discovery_has_the_cluster_and_no_credential() {
        let config = read(&discovery_kubeconfig(&bundle(), "api.lab:6443", None));
        assert_eq!((&config["users"], &config["contexts"]), (&json!([]), &json!([])));
        assert_eq!(config["clusters"][0]["name"], "");
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://api.lab:6443");
    }

    #[test]
    fn discovery_has_the_token_of_a_machine_that_joins_by_one() {
        let config = read(&discovery_kubeconfig(&bundle(), "api.lab:6443", Some(Joiner::Token("abcdef.0123456789abcdef"))));
        assert_eq!(config["users"][0]["user"], json!({"token": "abcdef.0123456789abcdef"}));
        let context = &config["contexts"][0];
        assert_eq!(config["current-context"], context["name"]);
        assert_eq!(context["context"], json!({"cluster": config["clusters"][0]["name"], "user": config["users"][0]["name"]}));
    }
}

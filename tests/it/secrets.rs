//! `kubespore secrets` from outside: what each verb changes in the bundle, what it leaves, and what it says.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use kubespore::secrets::{Bundle, Leaf};
use serde_json::Value;

use crate::support::{Ran, Scratch, kubespore};

/// A directory with a profile of one load balancer, three control planes and two workers, and perhaps its bundle.
struct Lab {
    scratch: Scratch,
    profile: PathBuf,
}

impl Lab {
    fn new() -> Self {
        Self::of("profiles/ha-stacked.yaml")
    }

    /// With another example's profile.
    fn of(example: &str) -> Self {
        let scratch = Scratch::new();
        let text = fs::read_to_string(example).expect("the profile");
        let profile = scratch.write("lab.yaml", text);
        Self { scratch, profile }
    }

    fn minted() -> Self {
        let lab = Self::new();
        lab.secrets(&["new"], &[]).code(0);
        lab
    }

    /// `kubespore secrets VERB… PROFILE MORE…`
    fn secrets(&self, verb: &[&str], more: &[&str]) -> Ran {
        let words = ["secrets"].iter().chain(verb).map(OsStr::new);
        kubespore(words.chain([self.profile.as_os_str()]).chain(more.iter().map(OsStr::new)))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.scratch.path("lab.secrets.yaml")).expect("the bundle")
    }

    fn bundle(&self) -> Bundle {
        kubespore::secrets::load(&self.scratch.path("lab.secrets.yaml")).expect("sound").expect("there")
    }

    /// `kubespore VERB PROFILE MORE…`
    fn run(&self, verb: &str, more: &[&str]) -> Ran {
        kubespore([verb.as_ref(), self.profile.as_os_str()].into_iter().chain(more.iter().map(OsStr::new)))
    }

    fn render(&self, more: &[&str]) -> Ran {
        let out = self.scratch.path("out");
        self.run("render", &[&["-o", out.to_str().expect("UTF-8")], more].concat())
    }

    /// A value in the `node.env` of a rendered machine.
    fn fact(&self, node: &str, name: &str) -> String {
        let text = fs::read_to_string(self.scratch.path(&format!("out/nodes/{node}/user-data"))).expect("rendered");
        let files = kubespore::seed::cloud_init::decode(&text).expect("own document").files;
        let facts = files.into_iter().find(|file| file.path == "/etc/kubespore/node.env").expect("it has one").content;
        let facts = String::from_utf8(facts.to_vec()).expect("UTF-8");
        let (_, rest) = facts.split_once(&format!("\n{name}='")).unwrap_or_else(|| panic!("{node} has no {name}"));
        rest.split_once("'\n").expect("the end of a value").0.to_owned()
    }

    fn shown(&self) -> Value {
        serde_json::from_str(&self.secrets(&["show"], &["-o", "json"]).code(0).stdout()).expect("JSON")
    }

    /// Replaces a part of the profile.
    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.profile).expect("the profile");
        assert!(text.contains(from), "the profile has {from:?}");
        fs::write(&self.profile, text.replace(from, to)).expect("own file");
    }
}

/// The lines that only one of two texts has: those that went, those that came.
fn difference(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let only =
        |these: &str, those: &str| these.lines().filter(|line| !those.lines().any(|l| l == *line)).map(str::to_owned).collect();
    (only(before, after), only(after, before))
}

#[test]
fn minting_is_said_and_done_once() {
    let lab = Lab::new();
    let said = lab.secrets(&["new"], &[]).code(0);
    assert_eq!(said.stdout(), "");
    for part in ["minted ", "lab.secrets.yaml", "the cluster's keys", "one year, until ", "found the cluster until "] {
        assert!(said.stderr().contains(part), "{part}: {}", said.stderr());
    }
    let before = lab.text();
    let again = lab.secrets(&["new"], &[]).code(1).stderr();
    assert!(again.contains("there is such a file already"), "{again}");
    assert_eq!(lab.text(), before);
}

#[test]
fn a_bundle_is_shown_by_its_own_name_or_its_profile_s() {
    let lab = Lab::minted();
    let by_profile = lab.secrets(&["show"], &[]).code(0).stdout();
    let file = lab.scratch.path("lab.secrets.yaml");
    let by_name = kubespore(["secrets".as_ref(), "show".as_ref(), file.as_os_str()]).code(0).stdout();
    assert_eq!(by_profile, by_name);
    let shown = lab.shown();
    assert_eq!(shown["cluster"], "ha-stacked");
    assert_eq!(
        shown["nodes"].as_object().expect("nodes").keys().collect::<Vec<_>>(),
        ["cp-1", "cp-2", "cp-3", "worker-1", "worker-2"]
    );
    for name in ["ca", "front-proxy-ca", "etcd-ca", "admin"] {
        assert_eq!(shown["certificates"][name]["key"], "ECDSA-P256", "{name}");
    }
    for (name, node) in shown["nodes"].as_object().expect("nodes") {
        let id = node["tokenId"].as_str().expect("an id");
        assert!(id.len() == 6 && by_name.contains(id) && by_name.contains(name.as_str()));
    }
    let nothing = Lab::new().secrets(&["show"], &[]).code(1).stderr();
    assert!(nothing.contains("there is no such bundle"), "{nothing}");
}

#[test]
fn rotating_changes_what_was_named_and_says_what_follows() {
    let lab = Lab::minted();
    let mut before = lab.text();
    let mut after = |verb: &[&str], more: &[&str]| {
        let said = lab.secrets(verb, more).code(0);
        assert_eq!(said.stdout(), "", "{verb:?}");
        let now = lab.text();
        let changed = difference(&before, &now);
        before = now;
        (changed.0, changed.1, said.stderr())
    };
    // Beside each new token stands since when it is there.
    let tokens = |lines: &[String]| lines.iter().filter(|line| line.trim().starts_with("token: ")).count();
    let others = |lines: &[String]| lines.iter().filter(|line| !line.trim().starts_with("token")).count();
    let (went, came, said) = after(&["rotate", "node"], &["worker-1"]);
    assert_eq!((tokens(&went), tokens(&came), others(&went), others(&came)), (1, 1, 0, 0), "one token");
    assert!(came.iter().any(|line| line.trim().starts_with("token-since: ")), "{came:?}");
    let old = went[0].trim().trim_start_matches("token: \"").split('.').next().expect("an id").to_owned();
    assert!(said.contains("give cp-1, worker-1 their new seeds") && said.contains(&format!("bootstrap-token-{old}")), "{said}");

    let (went, came, said) = after(&["rotate", "token"], &[]);
    assert_eq!((tokens(&went), tokens(&came), others(&went), others(&came)), (5, 5, 0, 0), "every token");
    assert!(said.contains("give cp-1, cp-2, cp-3, worker-1, worker-2 their new seeds"), "{said}");

    let (went, came, said) = after(&["rotate", "certificate-key"], &[]);
    assert!(went.len() == 1 && came.len() == 1 && came[0].starts_with("certificate-key: "));
    assert!(said.contains("nothing has to be rendered"), "{said}");

    let authority = lab.shown()["certificates"]["ca"].clone();
    let (went, came, said) = after(&["rotate", "admin"], &[]);
    assert!(!went.is_empty() && !came.is_empty() && said.contains("admin.kubeconfig"), "{said}");
    assert_eq!(lab.shown()["certificates"]["ca"], authority);

    let (went, came, said) = after(&["found-until"], &["--within", "1h"]);
    assert!(went.len() == 1 && came.len() == 1 && came[0].starts_with("found-until: "));
    assert!(said.contains("before, until ") && said.contains("render again"), "{said}");

    let unknown = lab.secrets(&["rotate", "node"], &["worker-9"]).code(1).stderr();
    assert!(unknown.contains("`worker-9`") && unknown.contains("worker-2"), "{unknown}");
    assert_eq!(lab.text(), before);
}

#[test]
fn a_certificate_key_that_machines_hold_wants_new_seeds() {
    let lab = Lab::minted();
    lab.edit("distribution: embedded", "distribution: certificate-key");
    let said = lab.secrets(&["rotate", "certificate-key"], &[]).code(0).stderr();
    assert!(said.contains("give cp-1, cp-2, cp-3 their new seeds"), "{said}");
}

#[test]
fn a_token_s_manifest_is_the_token_of_that_node() {
    let lab = Lab::minted();
    let manifest = lab.secrets(&["bootstrap-token"], &["worker-1", "--ttl", "2h"]).code(0).stdout();
    let id = lab.shown()["nodes"]["worker-1"]["tokenId"].as_str().expect("an id").to_owned();
    assert!(manifest.contains(&format!("name: \"bootstrap-token-{id}\"\n")) && manifest.contains("expiration: "), "{manifest}");
    let secret =
        manifest.lines().find_map(|line| line.trim().strip_prefix("token-secret: \"")?.strip_suffix('"')).expect("a secret");
    assert!(lab.text().contains(&format!("token: \"{id}.{secret}\"\n")));
    assert!(!lab.secrets(&["bootstrap-token"], &["worker-1", "--ttl", "0"]).code(0).stdout().contains("expiration"));
    assert!(lab.secrets(&["bootstrap-token"], &["lb-1"]).code(1).stderr().contains("`lb-1`"));
    lab.secrets(&["bootstrap-token"], &["worker-1", "--ttl", "1d"]).code(2);
}

#[test]
fn what_exists_is_imported_where_no_bundle_is() {
    let (old, new) = (Lab::minted(), Lab::new());
    let bundle = kubespore::secrets::load(&old.scratch.path("lab.secrets.yaml")).expect("sound").expect("there");
    let put = |name: &str, text: &str| new.scratch.write(&format!("pki/{name}"), text);
    for (name, pair) in [("ca", &bundle.ca), ("front-proxy-ca", &bundle.front_proxy_ca), ("etcd/ca", &bundle.etcd_ca)] {
        put(&format!("{name}.crt"), &pair.certificate);
        put(&format!("{name}.key"), pair.key.expose());
    }
    put("sa.pub", &bundle.service_account.public);
    put("sa.key", bundle.service_account.key.expose());
    let pki = new.scratch.path("pki");
    let import = || kubespore(["secrets".as_ref(), "import".as_ref(), pki.as_os_str(), new.profile.as_os_str()]);
    let said = import().code(0).stderr();
    assert!(said.contains("taken over, not minted: ca, front-proxy-ca, etcd/ca, sa"), "{said}");
    assert_eq!(new.shown()["discoveryHash"], old.shown()["discoveryHash"]);
    assert_ne!(new.shown()["id"], old.shown()["id"]);
    assert!(import().code(1).stderr().contains("there is such a file already"));

    fs::remove_file(new.scratch.path("lab.secrets.yaml")).expect("own file");
    put("etcd/ca.key", bundle.ca.key.expose());
    let said = import().code(1).stderr();
    assert!(said.contains("etcd/ca: the certificate and the key do not belong together"), "{said}");
    assert!(!new.scratch.path("lab.secrets.yaml").exists());
}

#[test]
fn a_bundle_that_the_release_cannot_read_is_refused_by_name() {
    let lab = Lab::minted();
    let version = fs::read_to_string(&lab.profile).expect("the profile");
    let line = version.lines().find(|line| line.starts_with("kubernetesVersion: ")).expect("a version");
    lab.edit(line, "kubernetesVersion: 1.20.2");
    let said = lab.secrets(&["rotate", "admin"], &[]).code(1).stderr();
    assert!(said.contains("`service-account` is an ECDSA-P256 key, and kubeadm 1.20 reads RSA there"), "{said}");
    lab.edit("1.20.2", "1.28.0");
    let said = lab.secrets(&["found-until"], &["--within", "1h"]).code(0).stderr();
    assert!(said.contains("without rights in Kubernetes 1.28.0") && said.contains("secrets rotate admin"), "{said}");
    lab.secrets(&["rotate", "admin"], &[]).code(0);
    let said = lab.secrets(&["found-until"], &["--within", "1h"]).code(0).stderr();
    assert!(!said.contains("without rights"), "{said}");
}

#[test]
fn standard_input_has_no_bundle_beside_it() {
    let said = kubespore(["secrets", "show", "-"]).code(1).stderr();
    assert!(said.contains("--secrets FILE"), "{said}");
}

/// The nodes of which a bundle says something else than another, and what.
fn changes(before: &Bundle, after: &Bundle) -> Vec<String> {
    let mut changed = Vec::new();
    for (name, now) in &after.nodes {
        let then = &before.nodes[name];
        changed.extend((then.token != now.token).then(|| format!("token of {name}")));
        let renewed = now.leaves.iter().filter(|(leaf, issued)| then.leaves.get(leaf) != Some(issued));
        changed.extend(renewed.map(|(leaf, _)| format!("{} of {name}", leaf.as_str())));
    }
    changed
}

#[test]
fn a_node_renews_what_its_seed_holds_and_no_more() {
    let lab = Lab::of("profiles/external-etcd.yaml");
    lab.secrets(&["new"], &[]).code(0);
    let rotated = |verb: &[&str], more: &[&str]| {
        let before = lab.bundle();
        let said = lab.secrets(verb, more).code(0).stderr();
        (changes(&before, &lab.bundle()), said)
    };
    let (changed, said) = rotated(&["rotate", "node"], &["etcd-1"]);
    assert_eq!(changed, ["etcd-server of etcd-1", "etcd-peer of etcd-1", "etcd-healthcheck-client of etcd-1"]);
    assert!(said.contains("give etcd-1 its new seed") && said.contains("cannot be taken back"), "{said}");
    assert!(!said.contains("token"), "an etcd machine joins nothing with one: {said}");
    let (changed, said) = rotated(&["rotate", "node"], &["worker-1"]);
    assert_eq!(changed, ["identity of worker-1"]);
    assert!(said.contains("give worker-1 its new seed") && !said.contains("token"), "{said}");
    let (changed, said) = rotated(&["rotate", "node"], &["cp-2"]);
    assert_eq!(changed, ["token of cp-2", "apiserver-etcd-client of cp-2"]);
    assert!(said.contains("give cp-1, cp-2 their new seeds") && said.contains("cannot be taken back"), "{said}");
    let (changed, _) = rotated(&["rotate", "token"], &[]);
    assert_eq!(changed, ["token of cp-1", "token of cp-2"], "the worker and the etcd machines use none");
    for (node, why) in [("lb-1", "a load balancer's seed holds no secret"), ("cp-9", "the profile has no such node")] {
        let said = lab.secrets(&["rotate", "node"], &[node]).code(1).stderr();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_node_without_a_token_is_not_given_one() {
    let lab = Lab::of("profiles/external-etcd.yaml");
    lab.secrets(&["new"], &[]).code(0);
    for (node, why) in [
        ("worker-1", "it joins with its own certificate (`credential: identity`), and no token"),
        ("etcd-1", "it is an etcd machine, which joins no Kubernetes cluster"),
        ("lb-1", "it is a load balancer, which joins no cluster"),
    ] {
        let token = lab.secrets(&["bootstrap-token"], &[node]).code(1);
        let line = lab.run("join-command", &[node]).code(1);
        for said in [token, line] {
            assert!(said.stderr().contains(why) && said.stdout().is_empty(), "{node}: {}", said.stderr());
        }
    }
    lab.secrets(&["bootstrap-token"], &["cp-2"]).code(0);
    let file = lab.scratch.path("lab.secrets.yaml");
    let by_name = kubespore(["secrets".as_ref(), "show".as_ref(), file.as_os_str()]).code(0).stdout();
    assert_eq!(by_name, lab.secrets(&["show"], &[]).code(0).stdout(), "the certificates tell what the profile does");
    let holders = by_name.lines().filter(|line| line.starts_with("token ")).map(|line| line.rsplit(' ').next());
    assert_eq!(holders.collect::<Vec<_>>(), [Some("cp-1"), Some("cp-2")]);
    assert!(
        by_name.lines().any(|line| line.starts_with("etcd-server ") && line.ends_with(": etcd-1, etcd-2, etcd-3")),
        "{by_name}"
    );
    assert!(lab.shown()["nodes"]["worker-1"]["certificates"]["identity"].is_string());
    assert!(lab.shown()["nodes"]["worker-1"].get("tokenId").is_none());
}

#[test]
fn a_machine_with_another_address_is_certified_anew_aloud() {
    let lab = Lab::of("profiles/external-etcd.yaml");
    lab.render(&[]).code(0);
    let before = lab.bundle();
    lab.edit("10.5.0.31/24", "10.5.0.41/24");
    let said = lab.render(&["--locked"]).code(1).stderr();
    assert!(said.contains("other names or addresses than etcd-server of etcd-1, etcd-peer of etcd-1"), "{said}");
    assert_eq!(changes(&before, &lab.bundle()), [""; 0]);
    let said = lab.render(&[]).code(0).stderr();
    assert!(said.contains("issued anew in ") && said.contains("etcd-server of etcd-1, etcd-peer of etcd-1"), "{said}");
    assert!(said.contains("give these machines their new seeds"), "{said}");
    assert_eq!(changes(&before, &lab.bundle()), ["etcd-server of etcd-1", "etcd-peer of etcd-1"]);
    assert!(!lab.render(&["--locked"]).code(0).stderr().contains("issued anew"));
}

#[test]
fn two_nodes_never_have_the_same_pods() {
    let lab = Lab::new();
    lab.render(&[]).code(0);
    let ranges = || {
        let all = ["cp-1", "cp-2", "cp-3", "worker-1", "worker-2", "first"].map(|node| {
            let text = fs::read_to_string(lab.scratch.path(&format!("out/nodes/{node}/user-data"))).unwrap_or_default();
            let own = text.split("\"subnet\":").nth(1).and_then(|rest| rest.split('"').nth(1).map(str::to_owned));
            (node, own)
        });
        all.into_iter().filter_map(|(node, own)| Some((node, own?))).collect::<Vec<_>>()
    };
    let before = ranges();
    assert_eq!(before.len(), 5);
    lab.edit(
        "  - {name: lb-1,",
        "  - {name: first, role: worker, address: 10.0.0.20/24, mac: \"52:54:00:00:00:20\"}\n  - {name: lb-1,",
    );
    lab.render(&["--node", "first"]).code(0);
    let after = ranges();
    assert_eq!(after[..5], before[..], "those that are there keep theirs");
    assert!(after.len() == 6 && !before.iter().any(|(_, range)| *range == after[5].1), "{after:?}");
    lab.render(&[]).code(0);
    assert_eq!(ranges(), after, "one at a time or all at once");
}

#[test]
fn a_machine_knows_when_what_it_joins_with_has_ended_and_what_renews_it() {
    let lab = Lab::new();
    lab.render(&[]).code(0);
    let seconds = |text: String| text.parse::<i64>().expect("seconds");
    let bundle = lab.bundle();
    let day = 24 * 3600;
    assert_eq!(seconds(lab.fact("worker-1", "CREDENTIAL_UNTIL")), bundle.found_until.unix_timestamp() + day);
    assert!(
        lab.fact("worker-1", "RENEW_COMMAND").starts_with("kubespore secrets bootstrap-token ha-stacked.yaml worker-1 | kubectl")
    );
    lab.edit(
        "{name: worker-2,",
        "{name: late, role: worker, address: 10.0.0.23/24, mac: \"52:54:00:00:00:23\"}\n  - {name: worker-2,",
    );
    let said = lab.render(&[]).code(0).stderr();
    assert!(
        said.contains("a cluster that stands already must know") && said.contains("nodes/late/bootstrap-token.yaml"),
        "{said}"
    );
    let since = lab.bundle().nodes["late"].token_since.expect("it is younger than the bundle");
    assert_eq!(seconds(lab.fact("late", "CREDENTIAL_UNTIL")), since.unix_timestamp() + day);
    lab.edit("credential: token", "credential: identity");
    lab.render(&[]).code(0);
    let renew = lab.fact("late", "RENEW_COMMAND");
    assert_eq!(renew, "kubespore secrets rotate node ha-stacked.yaml late && kubespore render ha-stacked.yaml --node late");
    let identity = lab.bundle().nodes["late"].leaves[&Leaf::Identity].until();
    assert_eq!(seconds(lab.fact("late", "CREDENTIAL_UNTIL")), identity.unix_timestamp());
}

#[test]
fn approval_ends_when_every_node_has_joined_and_waits_for_no_etcd_machine() {
    let lab = Lab::of("profiles/external-etcd.yaml");
    lab.edit("cni: bridge", "cni: bridge\njoin: {strictCsr: true}");
    lab.render(&[]).code(0);
    assert_eq!(lab.fact("cp-1", "APPROVAL_UNTIL"), "cp-1 cp-2 worker-1");
}

#[test]
fn of_a_cluster_that_lives_nothing_is_minted() {
    let (old, new) = (Lab::minted(), Lab::new());
    new.edit("cni: bridge", "cni: bridge\nbootstrap: existing");
    let bundle = old.bundle();
    let put = |name: &str, text: &str| new.scratch.write(&format!("pki/{name}"), text);
    put("ca.crt", &bundle.ca.certificate);
    put("ca.key", bundle.ca.key.expose());
    let pki = new.scratch.path("pki");
    let import = || kubespore(["secrets".as_ref(), "import".as_ref(), pki.as_os_str(), new.profile.as_os_str()]);
    let said = import().code(1).stderr();
    for part in ["front-proxy-ca.crt and front-proxy-ca.key", "etcd/ca.crt and etcd/ca.key", "sa.key"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = new.secrets(&["new"], &[]).code(1).stderr();
    assert!(said.contains("the cluster lives already"), "{said}");
    for (name, pair) in [("front-proxy-ca", &bundle.front_proxy_ca), ("etcd/ca", &bundle.etcd_ca)] {
        put(&format!("{name}.crt"), &pair.certificate);
        put(&format!("{name}.key"), pair.key.expose());
    }
    put("sa.key", bundle.service_account.key.expose());
    fs::remove_file(new.scratch.path("pki/etcd/ca.key")).expect("own file");
    put("apiserver-etcd-client.crt", &bundle.admin.certificate);
    let said = import().code(1).stderr();
    assert!(said.contains("the key of the authority that signed it is not") && said.contains("fetch etcd/ca.key"), "{said}");
    assert!(!new.scratch.path("lab.secrets.yaml").exists());
    put("etcd/ca.key", bundle.etcd_ca.key.expose());
    import().code(0);
}

#[test]
fn a_bundle_that_awaits_its_authorities_says_so() {
    let lab = Lab::new();
    let requests = lab.scratch.path("requests");
    lab.secrets(&["new"], &["--csr", requests.to_str().expect("UTF-8")]).code(0);
    let said = lab.secrets(&["show"], &[]).code(0).stdout();
    assert!(said.contains("awaits its certificate") && said.contains("secrets import DIR PROFILE"), "{said}");
    let shown = lab.shown();
    assert_eq!((&shown["state"], &shown["cluster"]), (&"awaiting".into(), &"ha-stacked".into()));
    assert_eq!(shown["awaited"], serde_json::json!(["ca", "front-proxy-ca", "etcd-ca"]));
}

#[test]
fn a_directory_is_verified_to_be_of_its_bundle() {
    let lab = Lab::of("profiles/external-etcd.yaml");
    lab.render(&[]).code(0);
    let (out, bundle) = (lab.scratch.path("out"), lab.scratch.path("lab.secrets.yaml"));
    let verify = |more: &[&str]| {
        let fixed = ["verify".as_ref(), out.as_os_str(), "--secrets".as_ref(), bundle.as_os_str()];
        kubespore(fixed.into_iter().chain(more.iter().map(OsStr::new)))
    };
    verify(&[]).code(0);
    lab.secrets(&["rotate", "admin"], &[]).code(0);
    lab.secrets(&["rotate", "node"], &["etcd-2"]).code(0);
    let said = verify(&[]).code(1).stdout();
    for fault in [
        "admin.kubeconfig: it is not that of the bundle's administrator",
        "etcd-2: the manifest says that it holds `etcd-server`, and it does not",
    ] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
    lab.render(&[]).code(0);
    verify(&[]).code(0);
}

#[test]
fn everything_that_ends_is_told_by_who_holds_it() {
    let lab = Lab::of("profiles/external-etcd.yaml");
    lab.render(&[]).code(0);
    let verify = |at: &str| {
        let out = lab.scratch.path("out");
        kubespore(["verify".as_ref(), out.as_os_str(), "-o".as_ref(), "json".as_ref(), "--at".as_ref(), at.as_ref()])
    };
    let read = |ran: Ran| serde_json::from_str::<Value>(&ran.stdout()).expect("JSON");
    let found_until = lab.bundle().found_until;
    let said = read(verify(&kubespore::secrets::instant(found_until)).code(0));
    let rows: Vec<_> = said["lifetimes"].as_array().expect("a list").iter().collect();
    let row = |name: &str| *rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {said}"));
    for (name, nodes, needed) in [
        ("etcd-server certificates", vec!["etcd-1", "etcd-2", "etcd-3"], true),
        ("etcd-peer certificates", vec!["etcd-1", "etcd-2", "etcd-3"], true),
        ("etcd-healthcheck-client certificates", vec!["etcd-1", "etcd-2", "etcd-3"], true),
        ("apiserver-etcd-client certificates", vec!["cp-1", "cp-2"], true),
        ("identity certificates", vec!["worker-1"], false),
        ("bootstrap tokens", vec!["cp-1", "cp-2"], false),
    ] {
        assert_eq!((&row(name)["nodes"], &row(name)["needed"]), (&nodes.into(), &needed.into()), "{name}");
    }
    let ended = |name: &str| row(name)["ended"] == true;
    assert!(ended("permission to found the cluster") && !ended("bootstrap tokens"), "{said}");
    let later = read(verify(&kubespore::secrets::instant(found_until + time::Duration::hours(24))).code(0));
    let tokens = later["lifetimes"].as_array().expect("a list").iter().find(|row| row["name"] == "bootstrap tokens");
    assert_eq!(tokens.expect("a row")["ended"], true, "founded in the last second, they have ended a day later");
    let faults = read(verify("2126-01-01").code(1))["faults"].to_string();
    for name in [
        "etcd's authority",
        "etcd-server certificates (etcd-1, etcd-2, etcd-3)",
        "apiserver-etcd-client certificates (cp-1, cp-2)",
    ] {
        assert!(faults.contains(&format!("{name}: worked until ")), "{name}: {faults}");
    }
    assert!(!faults.contains("identity certificates"), "{faults}");

    // What machines can only join with is needed where joining is all they can do; what nobody holds is not told.
    lab.edit("cni: bridge", "cni: bridge\nbootstrap: existing");
    lab.render(&[]).code(0);
    let faults = read(verify("2126-01-01").code(1))["faults"].to_string();
    assert!(
        faults.contains("identity certificates (worker-1)") && faults.contains("bootstrap-token.yaml` (cp-1, cp-2)"),
        "{faults}"
    );
}

#[test]
fn uploaded_keys_come_back_by_a_script_that_shows_none() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::minted();
    let said = lab.secrets(&["upload-certs"], &[]).code(1);
    assert!(said.stderr().contains("no control plane fetches them") && said.stdout().is_empty(), "{}", said.stderr());
    lab.edit("distribution: embedded", "distribution: certificate-key");
    let said = lab.render(&[]).code(0).stderr();
    assert!(said.contains("kubespore secrets upload-certs PROFILE"), "{said}");
    let script = lab.secrets(&["upload-certs"], &[]).code(0).stdout();
    let seen = lab.scratch.path("seen");
    let stub = format!("#!/bin/sh\necho \"$*\" >{0}\nstat -c %a \"$6\" >>{0}\ncat \"$6\" >>{0}\necho noise\n", seen.display());
    let kubeadm = lab.scratch.write("bin/kubeadm", stub);
    fs::set_permissions(&kubeadm, fs::Permissions::from_mode(0o755)).expect("own file");
    let path = format!("{}:{}", lab.scratch.path("bin").display(), std::env::var("PATH").expect("a path"));
    let ran = std::process::Command::new("sh").args(["-c", &script]).env("PATH", path).output().expect("a shell");
    assert!(ran.status.success() && ran.stdout.is_empty(), "{ran:?}");
    let seen = fs::read_to_string(seen).expect("kubeadm ran");
    let (line, rest) = seen.split_once('\n').expect("a line");
    let (mode, document) = rest.split_once('\n').expect("a mode");
    let config = line.strip_prefix("init phase upload-certs --upload-certs --config ").expect("the release's line");
    assert!(!fs::exists(config).expect("a path"), "the key stays behind");
    assert_eq!(mode, "600");
    let bundle = lab.bundle();
    let key = bundle.certificate_key.expose();
    assert!(document.contains(&format!("certificateKey: \"{key}\"")) && !line.contains(key), "{line}");
    assert!(document.contains("kubernetesVersion: \"v1.36.2\""), "kubeadm would ask the internet for one");
}

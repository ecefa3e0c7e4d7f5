//! Bundles that are encrypted, and authorities that are certified elsewhere, from outside.
//!
//! Passphrases are typed at a terminal of their own, which `script` (util-linux) makes: nothing else takes one.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use age::secrecy::ExposeSecret;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use x509_parser::pem::Pem;

use crate::support::{Ran, Scratch, kubespore};

/// An identity of age and its recipient, new in every run.
static ONE: LazyLock<(String, String)> = LazyLock::new(pair);

fn pair() -> (String, String) {
    let identity = age::x25519::Identity::generate();
    (identity.to_string().expose_secret().to_owned(), identity.to_public().to_string())
}

const ARMOUR: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n";

/// A cluster's profile and bundle in a directory of their own.
struct Cluster {
    scratch: Scratch,
    profile: PathBuf,
    bundle: PathBuf,
    identity: PathBuf,
}

impl Cluster {
    /// A profile without a bundle.
    fn new() -> Self {
        let scratch = Scratch::new();
        let profile = scratch.write("lab.yaml", fs::read_to_string("profiles/ha-stacked.yaml").expect("the example"));
        let identity = scratch.write("identity", format!("{}\n", &ONE.0));
        let bundle = scratch.path("lab.secrets.yaml");
        Self { scratch, profile, bundle, identity }
    }

    /// With a bundle encrypted to one recipient; returns its plain text too.
    fn encrypted() -> (Self, String) {
        let cluster = Self::new();
        cluster.run(&["secrets", "new"], &[]).code(0);
        let plain = cluster.text();
        cluster.run(&["secrets", "encrypt"], &["--recipient", &ONE.1]).code(0);
        (cluster, plain)
    }

    fn run(&self, words: &[&str], more: &[&str]) -> Ran {
        kubespore(words.iter().map(OsStr::new).chain([self.profile.as_os_str()]).chain(more.iter().map(OsStr::new)))
    }

    fn with_identity(&self, words: &[&str], more: &[&str]) -> Ran {
        let identity = self.identity.to_str().expect("UTF-8");
        self.run(words, &[&["--identity", identity], more].concat())
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.bundle).expect("the bundle")
    }

    fn out(&self) -> String {
        self.scratch.path("out").to_str().expect("UTF-8").to_owned()
    }
}

/// A run at a terminal: what it shows, and its exit code. Each answer is typed when its prompt has appeared.
fn at_a_terminal(words: &[&str], answers: &[(&str, &str)]) -> (String, i32) {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let line = format!("'{}' {}", env!("CARGO_BIN_EXE_kubespore"), quoted.join(" "));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("script is installed");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let mut shown = Vec::new();
    for (prompt, answer) in answers {
        let begun = shown.len();
        while !String::from_utf8_lossy(&shown[begun..]).contains(prompt) {
            let mut byte = [0];
            assert_eq!(
                stdout.read(&mut byte).expect("readable"),
                1,
                "`{prompt}` never came: {}",
                String::from_utf8_lossy(&shown)
            );
            shown.push(byte[0]);
        }
        stdin.write_all(answer.as_bytes()).and_then(|()| stdin.flush()).expect("the terminal listens");
    }
    stdout.read_to_end(&mut shown).expect("readable");
    let code = child.wait().expect("it ends").code().expect("no signal");
    (String::from_utf8(shown).expect("UTF-8"), code)
}

#[test]
fn an_encrypted_bundle_does_all_that_a_plain_one_does() {
    let (cluster, plain) = Cluster::encrypted();
    let file = cluster.text();
    assert!(file.starts_with(ARMOUR) && fs::metadata(&cluster.bundle).expect("there").mode() & 0o7777 == 0o600);
    assert!(!plain.lines().filter(|line| line.len() > 20).any(|line| file.contains(line)), "plain text is left in it");

    let out = cluster.out();
    cluster.with_identity(&["render"], &["-o", &out]).code(0);
    assert_eq!(cluster.text(), file, "nothing was added, so nothing was written");
    let line = kubespore(["join-command", path(&cluster.profile), "worker-1", "--identity", path(&cluster.identity)]).code(0);
    assert!(line.stdout().starts_with("kubeadm join "));
    let token = ["secrets", "bootstrap-token", path(&cluster.profile), "worker-1", "--identity", path(&cluster.identity)];
    assert!(kubespore(token).code(0).stdout().contains("bootstrap.kubernetes.io/token"));

    cluster.with_identity(&["secrets", "rotate", "admin"], &[]).code(0);
    assert!(cluster.text().starts_with(ARMOUR) && cluster.text() != file, "what changed is encrypted again");
    let said = cluster.with_identity(&["secrets", "decrypt"], &[]).code(0).stderr();
    assert!(said.contains("decrypted") && cluster.text().starts_with("# Secrets of one cluster"));
    assert!(!cluster.text().contains("age1"), "plain text has no recipients");
    let kept = |text: &str| text.lines().filter(|line| line.contains("certificate-key") || line.contains("token")).count();
    assert!(kept(&cluster.text()) > 5 && kept(&cluster.text()) == kept(&plain));
    cluster.run(&["render"], &["-o", &out, "--locked"]).code(0);
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn what_is_added_is_encrypted_to_the_same_people() {
    let (cluster, _) = Cluster::encrypted();
    let text = fs::read_to_string(&cluster.profile).expect("own file");
    let more = "  - {name: worker-3, role: worker, address: 10.0.0.23/24, mac: \"52:54:00:00:00:23\"}\n";
    fs::write(&cluster.profile, format!("{text}{more}")).expect("own file");
    let said = cluster.with_identity(&["render"], &["-o", &cluster.out()]).code(0).stderr();
    assert!(said.contains("added to") && said.contains("worker-3"), "{said}");
    assert!(cluster.text().starts_with(ARMOUR));
    let shown = cluster.with_identity(&["secrets", "show"], &["-o", "json"]).code(0).stdout();
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["encryption"], serde_json::json!({"kind": "recipients", "recipients": [ONE.1]}));
    assert!(shown["nodes"]["worker-3"]["tokenId"].is_string());
}

#[test]
fn show_says_how_a_bundle_is_closed_whether_it_or_its_profile_is_named() {
    let (cluster, _) = Cluster::encrypted();
    for named in [&cluster.profile, &cluster.bundle] {
        let said = kubespore(["secrets", "show", path(named), "--identity", path(&cluster.identity)]).code(0).stdout();
        assert!(said.contains(&format!("encrypted to              {}\n", &ONE.1)), "{said}");
    }
    cluster.with_identity(&["secrets", "decrypt"], &[]).code(0);
    let said = cluster.run(&["secrets", "show"], &[]).code(0).stdout();
    assert!(said.contains("encrypted                 no\n"), "{said}");
}

#[test]
fn without_what_opens_it_nothing_is_read_and_nothing_written() {
    let (cluster, _) = Cluster::encrypted();
    let file = cluster.text();
    let stranger = &pair().0;
    let wrong = cluster.scratch.write("wrong", format!("{stranger}\n"));
    for verb in [&["render", "-o", "nowhere"][..], &["secrets", "rotate", "admin"], &["secrets", "show"], &["secrets", "decrypt"]]
    {
        let (name, more) = verb.split_at(verb.iter().position(|word| *word == "-o").unwrap_or(verb.len()));
        let said = cluster.run(name, more).code(1).stderr();
        assert!(said.contains("encrypted to age recipients") && said.contains("--identity"), "{name:?}: {said}");
        let said = cluster.run(name, &[more, &["--identity", path(&wrong)]].concat()).code(1).stderr();
        assert!(said.contains("no identity in") && !said.contains(stranger.as_str()), "{name:?}: {said}");
        assert_eq!(cluster.text(), file);
    }
    assert!(!Path::new("nowhere").exists());
    fs::write(&cluster.bundle, &file[..file.len() / 2]).expect("own file");
    let said = cluster.with_identity(&["render"], &["-o", "nowhere"]).code(1).stderr();
    assert!(said.contains("damaged or cut short") && said.contains("backup"), "{said}");
    assert_eq!(cluster.text(), file[..file.len() / 2], "a damaged bundle is not minted over");
}

#[test]
fn recipients_change_without_plain_text() {
    let (cluster, _) = Cluster::encrypted();
    let before = cluster.text();
    let other = pair().1;
    let list = cluster.scratch.write("list", format!("# all of us\n{}\n{other}\n{other}\n", &ONE.1));
    let said = cluster.run(&["secrets", "encrypt"], &["--recipients-file", path(&list)]).code(1).stderr();
    assert!(said.contains("--identity") && cluster.text() == before, "{said}");
    cluster.with_identity(&["secrets", "encrypt"], &["--recipients-file", path(&list)]).code(0);
    let said = cluster.with_identity(&["secrets", "show"], &[]).code(0).stdout();
    assert_eq!(said.matches("encrypted to").count(), 2, "{said}");

    let said = cluster.run(&["secrets", "encrypt"], &["--recipient", &ONE.0]).code(1).stderr();
    assert!(said.contains("that is an identity") && !said.contains(ONE.0.as_str()), "{said}");
    fs::write(&list, "# nobody\n").expect("own file");
    let said = cluster.run(&["secrets", "encrypt"], &["--recipients-file", path(&list)]).code(1).stderr();
    assert!(said.contains("no recipient"), "{said}");
}

#[test]
fn a_passphrase_is_typed_and_never_shown() {
    let cluster = Cluster::new();
    cluster.run(&["secrets", "new"], &[]).code(0);
    let bundle = path(&cluster.bundle);
    let (new, again, old) = ("New passphrase", "The same again", "Passphrase of");
    let words = "correct horse battery staple";
    let typed = &format!("{words}\n");

    let plain = cluster.text();
    let (shown, code) = at_a_terminal(&["secrets", "encrypt", bundle], &[(new, typed), (again, "correct horse\n")]);
    assert!(code == 1 && shown.contains("not the same") && cluster.text() == plain, "{shown}");
    let (shown, code) = at_a_terminal(&["secrets", "encrypt", bundle], &[(new, "\n")]);
    assert!(code == 1 && shown.contains("nothing was typed"), "{shown}");
    let (shown, code) = at_a_terminal(&["secrets", "encrypt", bundle], &[(new, "correct\u{3}")]);
    assert!(code == 1 && shown.contains("interrupted") && cluster.text() == plain, "{shown}");
    let (shown, code) = at_a_terminal(&["secrets", "encrypt", bundle], &[(new, typed), (again, typed)]);
    assert!(code == 0 && shown.contains("with a passphrase") && !shown.contains("horse"), "{shown}");

    let file = cluster.text();
    assert!(file.starts_with(ARMOUR));
    let (shown, code) = at_a_terminal(&["secrets", "show", bundle], &[(old, typed)]);
    assert!(code == 0 && shown.contains("with a passphrase") && !shown.contains("horse"), "{shown}");
    let (shown, code) = at_a_terminal(&["secrets", "show", bundle], &[(old, "wrong horse\n")]);
    assert!(code == 1 && shown.contains("does not open it") && !shown.contains("horse"), "{shown}");
    let (shown, code) = at_a_terminal(&["secrets", "rotate", "admin", path(&cluster.profile)], &[(old, typed)]);
    assert!(code == 0 && cluster.text() != file && cluster.text().starts_with(ARMOUR), "{shown}");
    let (shown, code) = at_a_terminal(&["secrets", "decrypt", bundle], &[(old, typed)]);
    assert!(code == 0 && cluster.text().starts_with("# Secrets"), "the same passphrase closed what was rotated: {shown}");
}

#[test]
fn where_nobody_sits_a_passphrase_is_not_taken_from_elsewhere() {
    let cluster = Cluster::new();
    cluster.run(&["secrets", "new"], &[]).code(0);
    let plain = cluster.text();
    // A session of its own has no terminal; what comes by stdin is not asked for.
    let mut child = Command::new("setsid")
        .args(["--wait", env!("CARGO_BIN_EXE_kubespore"), "secrets", "encrypt", path(&cluster.bundle)])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setsid is installed");
    let mut stdin = child.stdin.take().expect("piped");
    let _ = stdin.write_all(b"horse\nhorse\n");
    drop(stdin);
    let done = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(done.stderr).expect("UTF-8");
    assert!(done.status.code() == Some(1) && said.contains("no terminal") && said.contains("--identity"), "{said}");
    assert_eq!(cluster.text(), plain);
}

#[test]
fn killed_at_any_moment_it_leaves_the_old_file_or_the_new_one() {
    let cluster = Cluster::new();
    cluster.run(&["secrets", "new"], &[]).code(0);
    let plain = cluster.text();
    let encrypt = || {
        let args = ["secrets", "encrypt", "--recipient", ONE.1.as_str(), path(&cluster.bundle)];
        Command::new(env!("CARGO_BIN_EXE_kubespore")).args(args).stderr(Stdio::null()).spawn().expect("the binary runs")
    };
    let begun = Instant::now();
    assert!(encrypt().wait().expect("it ends").success());
    let whole = begun.elapsed();
    let (mut old, mut new) = (0, 0);
    for part in 0..60 {
        if cluster.text() != plain {
            cluster.with_identity(&["secrets", "decrypt"], &[]).code(0);
            assert_eq!(cluster.text(), plain, "the whole of it comes back");
        }
        let mut child = encrypt();
        std::thread::sleep(whole * part / 50);
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        if cluster.text() == plain { old += 1 } else { new += 1 }
    }
    assert!(old > 0 && new > 0, "{old} left the old file, {new} the new one");
    if cluster.text() != plain {
        cluster.with_identity(&["secrets", "decrypt"], &[]).code(0);
    }
    cluster.run(&["secrets", "encrypt"], &["--recipient", &ONE.1]).code(0);
    let left: Vec<_> = fs::read_dir(cluster.scratch.path("")).expect("a directory").flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "what a killed run left is swept: {left:?}");
}

#[test]
fn links_and_files_that_others_read_are_not_encrypted() {
    let cluster = Cluster::new();
    cluster.run(&["secrets", "new"], &[]).code(0);
    let link = cluster.scratch.path("link.secrets.yaml");
    symlink(&cluster.bundle, &link).expect("a link");
    let said = kubespore(["secrets", "encrypt", "--recipient", &ONE.1, path(&link)]).code(1).stderr();
    assert!(said.contains("symbolic link"), "{said}");
    fs::set_permissions(&cluster.bundle, fs::Permissions::from_mode(0o640)).expect("own file");
    let said = cluster.run(&["secrets", "encrypt"], &["--recipient", &ONE.1]).code(1).stderr();
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn plain_text_is_not_put_where_git_takes_it() {
    let (cluster, _) = Cluster::encrypted();
    let git = |words: &[&str]| {
        let status = Command::new("git").arg("-C").arg(cluster.scratch.path("")).args(words).stdout(Stdio::null()).status();
        assert!(status.expect("git is installed").success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "lab.secrets.yaml"]);
    let file = cluster.text();
    let said = cluster.with_identity(&["secrets", "decrypt"], &[]).code(1).stderr();
    assert!(said.contains("decrypting") && said.contains("git"), "{said}");
    assert_eq!(cluster.text(), file);
    cluster.with_identity(&["render"], &["-o", &cluster.out()]).code(0);
}

#[test]
fn a_bundle_can_be_minted_encrypted() {
    let cluster = Cluster::new();
    cluster.run(&["secrets", "new"], &["--recipient", &ONE.1]).code(0);
    assert!(cluster.text().starts_with(ARMOUR));
    cluster.with_identity(&["render"], &["-o", &cluster.out(), "--locked"]).code(0);
}

/// A root that signs the requests in a directory, after `change`, and puts each chain beside its request.
fn sign(directory: &Path, change: impl Fn(&mut CertificateParams)) {
    let key = KeyPair::generate().expect("entropy");
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    root.distinguished_name.push(DnType::CommonName, "Root");
    let own = root.self_signed(&key).expect("a root").pem();
    let issuer = Issuer::new(root, key);
    for name in AUTHORITIES {
        let text = fs::read_to_string(directory.join(format!("{name}.csr"))).expect("the request");
        let mut request = CertificateSigningRequestParams::from_pem(&text).expect("it is signed by its own key");
        assert!(matches!(request.params.is_ca, IsCa::Ca(_)) && request.params.key_usages.contains(&KeyUsagePurpose::KeyCertSign));
        change(&mut request.params);
        let signed = request.signed_by(&issuer).expect("the root signs").pem();
        fs::write(directory.join(format!("{name}.crt")), format!("{signed}{own}")).expect("own file");
    }
}

const AUTHORITIES: [&str; 3] = ["ca", "front-proxy-ca", "etcd-ca"];

#[test]
fn authorities_are_certified_elsewhere() {
    let cluster = Cluster::new();
    let directory = cluster.scratch.path("csr");
    let said = cluster.run(&["secrets", "new"], &["--csr", path(&directory)]).code(0).stderr();
    assert!(said.contains("ca.csr, front-proxy-ca.csr, etcd-ca.csr") && said.contains("secrets import"), "{said}");
    let awaiting = cluster.text();
    assert!(awaiting.contains("state: \"awaiting\"\n") && awaiting.matches("PRIVATE KEY").count() == 6);
    let said = cluster.run(&["render"], &["-o", &cluster.out()]).code(1).stderr();
    assert!(said.contains("awaits") && said.contains("secrets import"), "{said}");
    // The same keys ask again.
    cluster.run(&["secrets", "new"], &["--csr", path(&directory)]).code(0);
    assert_eq!(cluster.text(), awaiting);
    let import = |expected: i32| {
        let said = kubespore(["secrets", "import", path(&directory), path(&cluster.profile)]).code(expected).stderr();
        assert!(!said.contains("PRIVATE"), "{said}");
        said
    };
    assert!(import(1).contains("ca.crt: it is not there"));

    sign(&directory, |params| params.is_ca = IsCa::ExplicitNoCa);
    assert!(import(1).contains("not that of an authority"));
    sign(&directory, |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    assert!(import(1).contains("not that of an authority"));
    sign(&directory, |params| params.not_after = date_time_ymd(2020, 1, 31));
    assert!(import(1).contains("its certificate ended on 2020-01-31"));
    sign(&directory, |params| params.not_before = date_time_ymd(2999, 1, 31));
    assert!(import(1).contains("its validity begins on 2999-01-31"));
    sign(&directory, |_| ());
    let chain = fs::read_to_string(directory.join("etcd-ca.crt")).expect("the chain");
    let (own, root) = chain.split_at(chain.find("-----END").expect("PEM") + "-----END CERTIFICATE-----\n".len());
    for (text, said) in [
        (own.to_owned(), "whoever signed it is not there"),
        (format!("{root}{own}"), "do not belong together"),
        (format!("{own}{own}{root}"), "the certificate after it did not sign it"),
        (fs::read_to_string(directory.join("ca.crt")).expect("the other"), "do not belong together"),
    ] {
        fs::write(directory.join("etcd-ca.crt"), text).expect("own file");
        let heard = import(1);
        assert!(heard.contains("etcd-ca.crt") && heard.contains(said), "{heard}");
    }
    assert_eq!(cluster.text(), awaiting, "nothing of it was taken");
    fs::write(directory.join("etcd-ca.crt"), &chain).expect("own file");
    assert!(import(0).contains("taken over, not minted: ca, front-proxy-ca, etcd/ca"));
    assert!(import(1).contains("there is such a file already"));
    cluster.run(&["render"], &["-o", &cluster.out(), "--locked"]).code(0);
    let shown = cluster.run(&["secrets", "show"], &["-o", "json"]).code(0).stdout();
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let chain = fs::read(directory.join("ca.crt")).expect("the chain");
    let first = Pem::iter_from_buffer(&chain).next().expect("two").expect("PEM");
    let public = first.parse_x509().expect("a certificate").public_key().raw.to_vec();
    assert_eq!(
        shown["discoveryHash"],
        format!("sha256:{}", kubespore::handover::digest(&public)),
        "the hash is that of who signs, not of the root"
    );
    let text = fs::read_to_string(&cluster.profile).expect("own file");
    fs::write(&cluster.profile, text.replacen("distribution: embedded", "distribution: certificate-key", 1)).expect("own file");
    let said = cluster.run(&["render"], &["-o", &cluster.out()]).code(1).stderr();
    assert!(said.contains("more than one certificate") && said.contains("embedded"), "{said}");
    assert!(cluster.text().matches("BEGIN CERTIFICATE").count() > 6 && cluster.text().contains("found-until"));
}

#[test]
fn requests_wait_encrypted_and_old_releases_take_no_chain() {
    let cluster = Cluster::new();
    let directory = cluster.scratch.path("csr");
    let text = fs::read_to_string(&cluster.profile).expect("own file");
    let old: String = text
        .lines()
        .map(
            |line| {
                if line.starts_with("kubernetesVersion") { "kubernetesVersion: 1.20.15\n".into() } else { format!("{line}\n") }
            },
        )
        .collect();
    fs::write(&cluster.profile, old).expect("own file");
    let said = cluster.run(&["secrets", "new"], &["--csr", path(&directory)]).code(1).stderr();
    assert!(said.contains("1.20") && said.contains("1.21") && !cluster.bundle.exists() && !directory.exists(), "{said}");
    fs::write(&cluster.profile, &text).expect("own file");

    cluster.run(&["secrets", "new"], &["--csr", path(&directory), "--recipient", &ONE.1]).code(0);
    assert!(cluster.text().starts_with(ARMOUR));
    sign(&directory, |_| ());
    kubespore(["secrets", "import", path(&directory), path(&cluster.profile)]).code(1);
    kubespore(["secrets", "import", path(&directory), path(&cluster.profile), "--identity", path(&cluster.identity)]).code(0);
    assert!(cluster.text().starts_with(ARMOUR));
    let said = cluster.with_identity(&["secrets", "show"], &[]).code(0).stdout();
    assert!(said.contains(ONE.1.as_str()), "{said}");
}

//! The verbs from outside: exit codes, what is written, and what is refused before anything is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use walkdir::WalkDir;

use crate::support::{self, Ran, Scratch, expect_file, kubespore};

const SMALL: &str = "profiles/single-node.yaml";

fn render(profile: &Path, scratch: &Scratch, more: &[&str]) -> Ran {
    support::render(profile, &scratch.path("lab.secrets.yaml"), &scratch.path("out/lab"), more)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it exists").permissions().mode() & 0o7777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_its_owners_alone() {
    let scratch = Scratch::new();
    let said = render(Path::new(SMALL), &scratch, &[]).code(0).stderr();
    assert!(said.contains("minted"), "{said}");
    for entry in WalkDir::new(scratch.path("out/lab")).into_iter().map(|entry| entry.expect("readable")) {
        let expected = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(entry.path()), expected, "{}", entry.path().display());
    }
    assert_eq!(mode(&scratch.path("lab.secrets.yaml")), 0o600);
    assert_eq!(names(&scratch.path("out")), ["lab"], "no staging directory is left");
    assert_eq!(names(&scratch.path("")), ["lab.secrets.yaml", "out"], "no temporary bundle is left");
}

#[test]
fn profiles_that_are_none_are_refused_by_name() {
    let scratch = Scratch::new();
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(",")));
    }
    let huge = scratch.write("huge.yaml", "");
    fs::OpenOptions::new().write(true).open(&huge).and_then(|file| file.set_len(100 << 20)).expect("a sparse file");
    fs::create_dir(scratch.path("directory.yaml")).expect("a directory");
    scratch.write("empty.yaml", "");
    scratch.write("comment.yaml", "# nothing\n");
    scratch.write("latin1.yaml", b"cluster: caf\xe9\n");
    scratch.write("bomb.yaml", bomb);
    scratch.write("deep.yaml", "[".repeat(100_000));
    scratch.write("control.yaml", "cluster: \"a\\u0007b\"\n\u{1b}[2J: x\n");
    for name in ["directory", "empty", "comment", "latin1", "bomb", "deep", "control", "huge", "missing"] {
        let path = scratch.path(&format!("{name}.yaml"));
        let said = render(&path, &scratch, &[]).code(1).stderr();
        assert!(said.contains(&format!("{name}.yaml")), "{name}: {said}");
        assert!(said.starts_with("error"), "{name}: {said}");
        assert!(!said.contains(['\u{7}', '\u{1b}']), "{name}: control characters reach the terminal");
        assert!(!scratch.path("out").exists() && !scratch.path("lab.secrets.yaml").exists(), "{name}: something was written");
    }
}

#[test]
fn what_is_not_ours_is_not_replaced() {
    let scratch = Scratch::new();
    let target = scratch.path("out/lab");
    let foreign = scratch.write("out/lab/thesis.tex", "years of work");
    let said = render(Path::new(SMALL), &scratch, &[]).code(1).stderr();
    assert!(said.contains("refusing to replace") && said.contains("manifest.json"), "{said}");
    assert!(foreign.exists() && !scratch.path("lab.secrets.yaml").exists(), "nothing was minted or touched");

    fs::remove_dir_all(&target).expect("own directory");
    let elsewhere = scratch.path("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    symlink(&elsewhere, &target).expect("a link");
    assert!(render(Path::new(SMALL), &scratch, &[]).code(1).stderr().contains("symbolic link"));

    fs::remove_file(&target).expect("own link");
    fs::write(&target, "x").expect("a file");
    assert!(render(Path::new(SMALL), &scratch, &[]).code(1).stderr().contains("not a directory"));
    assert_eq!(names(&scratch.path("out")), ["lab"]);
}

#[test]
fn a_second_run_replaces_the_first_and_sweeps_a_dead_one() {
    let scratch = Scratch::new();
    render(Path::new(SMALL), &scratch, &[]).code(0);
    let first = kubespore::out::read(&scratch.path("out/lab")).expect("a tree");
    scratch.write("out/lab/stale", "x");
    scratch.write("out/.lab.new-999999/nodes/x/user-data", "left by a run that was killed");
    render(Path::new(SMALL), &scratch, &[]).code(0);
    assert!(first == kubespore::out::read(&scratch.path("out/lab")).expect("a tree"));
    assert_eq!(names(&scratch.path("out")), ["lab"]);
}

#[test]
fn a_bundle_grows_and_never_changes() {
    let scratch = Scratch::new();
    let text = fs::read_to_string("profiles/ha-stacked.yaml").expect("the profile");
    let (smaller, last) = text.trim_end().rsplit_once('\n').expect("several lines");
    assert!(last.contains("worker"), "the last line is a worker's");
    let profile = scratch.write("lab.yaml", format!("{smaller}\n"));
    render(&profile, &scratch, &[]).code(0);
    let before = fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle");

    fs::write(&profile, &text).expect("own file");
    let said = render(&profile, &scratch, &["--locked"]).code(1).stderr();
    assert!(said.contains("--locked"), "{said}");
    assert_eq!(before, fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle"));

    render(&profile, &scratch, &[]).code(0);
    let after = fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle");
    assert!(after.len() > before.len());
    for line in before.lines() {
        assert!(after.contains(line), "a line of the bundle is gone");
    }
}

#[test]
fn one_node_is_rendered_and_the_others_are_carried_over() {
    let scratch = Scratch::new();
    let text = fs::read_to_string("profiles/ha-stacked.yaml").expect("the profile");
    let profile = scratch.write("lab.yaml", &text);
    render(&profile, &scratch, &[]).code(0);
    let before = kubespore::out::read(&scratch.path("out/lab")).expect("a tree");
    fs::write(&profile, format!("{text}ntp: {{servers: [10.0.0.123]}}\n")).expect("own file");
    render(&profile, &scratch, &["--node", "worker-1"]).code(0);
    let after = kubespore::out::read(&scratch.path("out/lab")).expect("a tree");
    assert_eq!(before.get("nodes/cp-1/user-data"), after.get("nodes/cp-1/user-data"));
    assert_ne!(before.get("nodes/worker-1/user-data"), after.get("nodes/worker-1/user-data"));
    assert_eq!(before.len(), after.len());
    let said = render(&profile, &scratch, &["--node", "worker-9"]).code(1).stderr();
    assert!(said.contains("worker-9") && said.contains("worker-1"), "{said}");
}

#[test]
fn bundles_of_others_are_refused_by_name() {
    let scratch = Scratch::new();
    render(Path::new(SMALL), &scratch, &[]).code(0);
    let bundle = scratch.path("lab.secrets.yaml");
    let other = render(Path::new("profiles/ha-stacked.yaml"), &scratch, &[]).code(1).stderr();
    assert!(other.contains("single-node") && other.contains("ha-stacked"), "{other}");

    fs::set_permissions(&bundle, fs::Permissions::from_mode(0o644)).expect("own file");
    let said = render(Path::new(SMALL), &scratch, &[]).code(1).stderr();
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn minting_where_git_would_take_the_bundle_stops() {
    let scratch = Scratch::new();
    scratch.write(".git/HEAD", "ref: refs/heads/main\n");
    for dir in ["objects", "refs"] {
        fs::create_dir_all(scratch.path(".git").join(dir)).expect("own directory");
    }
    let said = render(Path::new(SMALL), &scratch, &[]).code(1).stderr();
    assert!(said.contains(".gitignore") && said.contains("secrets.yaml"), "{said}");
    assert!(!scratch.path("lab.secrets.yaml").exists());
    scratch.write(".gitignore", "*.secrets.yaml\n");
    render(Path::new(SMALL), &scratch, &[]).code(0);
}

#[test]
fn usage_is_exit_code_two() {
    for args in [&["frobnicate"][..], &["render"], &["render", SMALL, "--frob"], &[]] {
        kubespore(args).code(2);
    }
}

#[test]
fn help_is_as_blessed() {
    for words in [
        &[][..],
        &["init"],
        &["diff"],
        &["validate"],
        &["render"],
        &["inspect"],
        &["secrets"],
        &["secrets", "show"],
        &["join-command"],
    ] {
        let name = if words.is_empty() { "kubespore".to_owned() } else { words.join("-") };
        let help = kubespore(words.iter().chain(&["--help"])).code(0).stdout();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{name}: a line is too long");
        expect_file(Path::new(&format!("tests/golden/help/{name}.txt")), &help);
    }
}

#[test]
fn no_secret_is_shown_unasked() {
    let scratch = Scratch::new();
    let said = render(Path::new("profiles/ha-stacked.yaml"), &scratch, &[]).code(0);
    let bundle = fs::read_to_string(scratch.path("lab.secrets.yaml")).expect("the bundle");
    let secrets: Vec<_> = secret_words(&bundle);
    assert!(secrets.len() > 20, "the bundle has secrets to look for");
    let shown = ["user-data", "seed.iso", "join-command"].map(|name| {
        let file = scratch.path("out/lab/nodes/cp-1").join(name);
        kubespore(["inspect".as_ref(), file.as_os_str()]).code(0).stdout()
    });
    let page = |name: &str| fs::read_to_string(scratch.path("out/lab").join(name)).expect("a page");
    let list = kubespore(["secrets".as_ref(), "show".as_ref(), scratch.path("lab.secrets.yaml").as_os_str()]).code(0).stdout();
    let texts = [said.stdout(), said.stderr(), list, page("manifest.json"), page("README.md"), page("index.html")];
    for text in texts.iter().chain(&shown) {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret is shown in:\n{text}");
        }
    }
}

/// Whether a shell command dumps core when it is told to, once it has read more than a pipe holds.
fn dumps_core(command: &str, scratch: &Scratch) -> bool {
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -c unlimited 2>/dev/null; exec {command}")])
        .current_dir(scratch.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&b"#\n".repeat(1 << 17)).expect("it reads");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::ABORT).expect("own child");
    child.wait().expect("own child").core_dumped()
}

/// A crash leaves no keys behind. Where the system dumps no core of anything, there is nothing to see.
#[test]
fn no_core_is_dumped() {
    let scratch = Scratch::new();
    let own = format!("'{}' validate -", env!("CARGO_BIN_EXE_kubespore"));
    if dumps_core("cat", &scratch) {
        assert!(!dumps_core(&own, &scratch));
    }
}

/// Everything in a bundle that must not be seen: lines of private keys, token secrets, the certificate key.
fn secret_words(bundle: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut in_key = false;
    for line in bundle.lines().map(str::trim) {
        if line.starts_with("-----BEGIN ") {
            in_key = line.contains("PRIVATE KEY");
        } else if line.starts_with("-----END ") {
            in_key = false;
        } else if in_key {
            words.push(line.to_owned());
        } else if let Some(value) = line.split_once(": ").map(|(_, value)| value.trim_matches('"')) {
            let secret_of_token = value.split_once('.').map_or(value, |(_, secret)| secret);
            let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if (secret_of_token.len() == 16 || value.len() == 64) && lower(secret_of_token) {
                words.push(secret_of_token.to_owned());
            }
        }
    }
    words
}

#[test]
fn a_rendered_directory_is_verified() {
    let scratch = Scratch::new();
    render(Path::new("profiles/kubeadm-1.14.yaml"), &scratch, &[]).code(0);
    let out = scratch.path("out/lab");
    let secrets = scratch.path("lab.secrets.yaml");
    let verify = |more: &[&str]| {
        let fixed = ["verify".as_ref(), out.as_os_str(), "--secrets".as_ref(), secrets.as_os_str()];
        kubespore(fixed.into_iter().chain(more.iter().map(std::ffi::OsStr::new)))
    };
    let said = verify(&[]).code(0).stdout();
    for line in [
        "the cluster's authority",
        "bootstrap tokens",
        "24h0m0s from `kubeadm init` on, at the latest until ",
        "(master-1, master-2, master-3, worker-1)",
        "certificate key, for the uploaded certificates",
        "2h0m0s from each upload on",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let later = verify(&["--at", "2126-01-01", "-o", "json"]).code(1).stdout();
    let later: serde_json::Value = serde_json::from_str(&later).expect("JSON");
    assert_eq!(later["at"], "2126-01-01T00:00:00Z");
    let faults = later["faults"].as_array().expect("a list");
    assert!(
        faults.iter().any(|fault| fault.as_str().is_some_and(|text| text.starts_with("the cluster's authority: worked until "))),
        "{faults:?}"
    );

    fs::copy(out.join("nodes/master-1/seed.iso"), out.join("nodes/worker-1/copy.iso")).expect("own directory");
    fs::write(out.join("nodes/master-2/meta-data"), "x").expect("own directory");
    fs::remove_file(out.join("nodes/master-3/seed.iso")).expect("own directory");
    fs::write(out.join("README.md"), "x").expect("own directory");
    fs::write(out.join("notes.txt"), "x").expect("own directory");
    fs::set_permissions(out.join("admin.kubeconfig"), fs::Permissions::from_mode(0o644)).expect("own file");
    let said = verify(&[]).code(1).stdout();
    for line in [
        "README.md: it is not what was rendered",
        "notes.txt: the manifest does not know it",
        "admin.kubeconfig: others than its owner can get at it (mode 0644)",
        "nodes/worker-1/copy.iso: the manifest does not know it",
        "nodes/worker-1/copy.iso: the cluster CA key lies in it and may not",
        "nodes/master-2/meta-data: it is not what was rendered",
        "nodes/master-3/seed.iso: it is missing",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let usage = verify(&["--at", "yesterday"]).code(2).stderr();
    assert!(usage.contains("2027-01-31"), "{usage}");
}

/// What a first-boot program would not take is said, and where in an image it lies; an OVF environment is looked into.
#[test]
fn a_damaged_seed_is_no_seed() {
    let scratch = Scratch::new();
    render(Path::new("profiles/mixed.yaml"), &scratch, &[]).code(0);
    let nodes = scratch.path("out/lab/nodes");
    let inspect = |path: &Path| kubespore(["inspect".as_ref(), path.as_os_str()]);
    let said = inspect(&nodes.join("cp-3/ovf-env.iso")).code(0).stdout();
    for line in ["ovf-env.xml/user-data (", "ovf-env.xml/network-config (", "/etc/kubespore/first-boot"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let seed = fs::read(nodes.join("cp-1/user-data")).expect("a document");
    let twice = STANDARD.encode(STANDARD.encode(&seed));
    let config = fs::read(nodes.join("worker-1/config.ign")).expect("a config");
    let iso = fs::read(nodes.join("cp-1/seed.iso")).expect("an image");
    let start =
        (0..iso.len() - 13).step_by(2048).find(|at| iso[*at..].starts_with(b"#cloud-config\nhostname")).expect("user-data");
    let mut holed = iso.clone();
    holed[start..start + 2048].fill(0);
    let damaged: [(&str, &[u8], &str); 8] = [
        ("user-data", &[b"\xef\xbb\xbf", &seed[..]].concat(), "byte order mark"),
        ("user-data", &[b"## template: jinja\n", &seed[..]].concat(), "jinja"),
        ("user-data", twice.as_bytes(), "base64 within base64"),
        ("user-data", &[&seed[..], b"\0"].concat(), "zero bytes"),
        ("user-data", b"words\n", "begins as no document does"),
        ("config.ign", &config[..config.len() / 2], "begins as JSON and is none"),
        ("seed.iso", &vec![0; iso.len()], "zero bytes"),
        ("seed.iso", &holed, "user-data: it holds zero bytes"),
    ];
    for (name, bytes, told) in damaged {
        let said = inspect(&scratch.write(name, bytes)).code(1).stderr();
        assert!(said.contains(told), "{told}: {said}");
    }
    for name in ["user-data", "meta-data", "vendor-data", "network-config", "seed.iso", "seed.img"] {
        inspect(&nodes.join("cp-1").join(name)).code(0);
    }
    // What cloud-init unpacks is unpacked, also within an image, and what others put beside it is theirs.
    let gzipped = kubespore::gzip::compress(&seed);
    let files: [(&str, &[u8]); 3] = [("meta-data", b"{}"), ("microcode.bin", b"\0\0"), ("user-data", &gzipped)];
    let image = kubespore::image::fat::write("cidata", &files).expect("an image");
    let said = inspect(&scratch.write("seed.img", image)).code(0).stdout();
    assert!(said.contains("/etc/kubespore/first-boot"), "{said}");
    let said = inspect(&scratch.write("custom-data", STANDARD.encode(&seed).replace('M', "M\n"))).code(0).stdout();
    assert!(said.contains("/etc/kubespore/first-boot"), "{said}");
    // A command somebody else's user-data runs may carry what ours never does.
    let command = "#cloud-config\nruncmd:\n- [kubeadm, join, --token, abcdef.0123456789abcdef]\n";
    for form in ["text", "json"] {
        let file = scratch.write("user-data", command);
        let said = kubespore(["inspect".as_ref(), file.as_os_str(), "-o".as_ref(), form.as_ref()]).code(0).stdout();
        assert!(said.contains("abcdef.…") && !said.contains("0123456789abcdef"), "{said}");
    }
}

/// The manifest may have been written anew; an image still has to be of the documents beside it.
#[test]
fn an_image_of_another_machine_is_found() {
    let scratch = Scratch::new();
    render(Path::new("profiles/mixed.yaml"), &scratch, &[]).code(0);
    let out = scratch.path("out/lab");
    let verify = || kubespore(["verify".as_ref(), out.as_os_str()]);
    verify().code(0);
    let mut manifest = fs::read_to_string(out.join("manifest.json")).expect("the manifest");
    for (file, other) in [("cp-1/seed.iso", "lb-1/seed.iso"), ("worker-2/ignition.img", "cp-1/seed.img")] {
        let (before, after) = (fs::read(out.join("nodes").join(file)), fs::read(out.join("nodes").join(other)));
        let (before, after) = (before.expect("an image"), after.expect("an image"));
        manifest = manifest.replace(&kubespore::handover::digest(&before), &kubespore::handover::digest(&after));
        fs::write(out.join("nodes").join(file), after).expect("own directory");
    }
    fs::write(out.join("manifest.json"), manifest).expect("own directory");
    let said = verify().code(1).stdout();
    for line in [
        "nodes/cp-1/seed.iso: its user-data is not the document beside it",
        "nodes/worker-2/ignition.img: its user-data is not the document beside it",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("not what was rendered"), "{said}");
}

#[test]
fn who_holds_which_secret_is_read_from_the_artefacts() {
    let scratch = Scratch::new();
    render(Path::new("profiles/kubeadm-1.14.yaml"), &scratch, &[]).code(0);
    let (out, secrets) = (scratch.path("out/lab"), scratch.path("lab.secrets.yaml"));
    let inspect = |path: &Path, more: &[&str]| {
        let fixed = ["inspect".as_ref(), path.as_os_str(), "--secrets".as_ref(), secrets.as_os_str()];
        kubespore(fixed.into_iter().chain(more.iter().map(std::ffi::OsStr::new)))
    };
    expect_file(Path::new("tests/golden/inspect-secrets.txt"), &inspect(&out, &[]).code(0).stdout());
    let one = inspect(&out.join("nodes/worker-1/seed.iso"), &[]).code(0).stdout();
    assert_eq!(one, "seed.iso\n  bootstrap-token of worker-1\n");

    // The manifest is compared, not believed.
    let seed = fs::read(out.join("nodes/master-1/seed.iso")).expect("rendered");
    fs::write(out.join("nodes/worker-1/seed.iso"), seed).expect("own directory");
    fs::write(out.join("nodes/worker-1/user-data"), "#cloud-config\n{}\n").expect("own directory");
    for name in ["seed.iso", "user-data"] {
        fs::write(out.join("nodes/master-2").join(name), "#cloud-config\n{}\n").expect("own directory");
    }
    let said = inspect(&out, &["-o", "json"]).code(1).stdout();
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let faults: Vec<_> = said["faults"].as_array().expect("a list").iter().filter_map(|fault| fault.as_str()).collect();
    for fault in [
        "nodes/worker-1/seed.iso: the cluster CA key lies in it and may not",
        "master-2: the manifest says that it holds `bootstrap-token`, and it does not",
        "master-2: the manifest says that it holds `certificate-key`, and it does not",
    ] {
        assert!(faults.contains(&fault), "{fault}: {faults:?}");
    }
    let classes: Vec<_> = said["holders"]["worker-1"].as_array().expect("a list").iter().map(|held| &held["class"]).collect();
    assert!(classes.iter().any(|class| *class == "cluster-ca-key"), "{classes:?}");

    // A file that lies where only directories of nodes do is no node's, and what unpacks to too much was not searched.
    fs::copy(out.join("nodes/worker-1/seed.iso"), out.join("nodes/worker-1.iso")).expect("own directory");
    fs::write(out.join("nodes/zeros"), kubespore::gzip::compress(&vec![0; (256 << 20) + 1])).expect("own directory");
    let said = inspect(&out, &[]).code(1).stdout();
    assert!(said.contains("nodes/worker-1.iso\n"), "{said}");
    assert!(said.contains("fault: nodes/zeros: it unpacks to more than is searched for secrets"), "{said}");

    let other = scratch.write("other.yaml", fs::read("tests/fixtures/bundles/ha-stacked.yaml").expect("a fixture"));
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).expect("own file");
    let said = kubespore(["inspect".as_ref(), out.as_os_str(), "--secrets".as_ref(), other.as_os_str()]).code(1).stderr();
    assert!(said.contains("another cluster"), "{said}");
}

#[test]
fn an_initial_ram_disk_of_several_archives_is_listed_whole() {
    use kubespore::{gzip, image::cpio};

    let scratch = Scratch::new();
    let early = cpio::write(&[("kernel/x86/microcode", b"1")]).expect("an archive");
    let config = br#"{"ignition":{"version":"3.3.0"}}"#;
    let late = cpio::write(&[("config.ign", config)]).expect("an archive");
    for (name, bytes) in [
        ("plain", [early.clone(), late.clone()].concat()),
        ("plain, then gzipped", [early.clone(), gzip::compress(&late)].concat()),
        ("gzipped, then plain", [gzip::compress(&early), late.clone()].concat()),
        ("gzipped together", gzip::compress(&[early.clone(), late].concat())),
    ] {
        let file = scratch.write("initrd", bytes);
        let listed = kubespore(["inspect".as_ref(), file.as_os_str()]).code(0).stdout();
        assert!(
            listed.contains("config.ign (32 bytes)") && listed.contains("kernel/x86/microcode (1 bytes)"),
            "{name}: {listed}"
        );
    }
    let xz = scratch.write("initrd", [early, b"\xfd7zXZ\0".to_vec()].concat());
    let said = kubespore(["inspect".as_ref(), xz.as_os_str()]).code(1).stderr();
    assert!(said.contains("neither another nor gzip"), "{said}");
}

#[test]
fn every_code_is_explained() {
    let all = kubespore(["explain"]).code(0).stdout();
    assert!(all.lines().count() > 100, "{all}");
    for code in ["endpoint-is-address", "duplicate-address"] {
        assert!(all.lines().any(|line| line == code), "{code}");
        let said = kubespore(["explain", code]).code(0).stdout();
        assert!(said.starts_with(&format!("{code}: ")) && said.lines().count() >= 3, "{said}");
    }
    assert!(kubespore(["explain", "no-such-code"]).code(1).stderr().contains("no such code"));
}

#[test]
fn preloaded_images_are_asked_of_each_machine_by_its_role() {
    let scratch = Scratch::new();
    let example = fs::read_to_string("profiles/ha-stacked.yaml").expect("the example");
    let profile = scratch.write("profile.yaml", format!("{example}images: preloaded\n"));
    render(&profile, &scratch, &[]).code(0);
    let wanted = |node: &str| {
        let text = fs::read_to_string(scratch.path(&format!("out/lab/nodes/{node}/user-data"))).expect("rendered");
        let files = kubespore::seed::cloud_init::decode(&text).expect("own document").files;
        let facts = files.into_iter().find(|file| file.path == "/etc/kubespore/node.env").map(|file| file.content.to_vec());
        let facts = String::from_utf8(facts.unwrap_or_default()).expect("UTF-8");
        let images = facts.split_once("\nIMAGES='").and_then(|(_, rest)| rest.split_once('\'')).expect("images").0.to_owned();
        let tools = facts.lines().find_map(|line| line.strip_prefix("TOOLS='")).expect("tools");
        assert!(tools.split([' ', '\'']).any(|tool| tool == "ctr"), "what lists the images is a required program");
        images
    };
    let all = kubespore(["images".as_ref(), profile.as_os_str()]).code(0).stdout();
    assert_eq!(wanted("cp-1").lines().collect::<Vec<_>>(), all.lines().collect::<Vec<_>>());
    assert_eq!(wanted("cp-2"), wanted("cp-1"));
    let worker = wanted("worker-1");
    assert!(worker.lines().all(|image| all.contains(image)) && worker.contains("/kube-proxy:"), "{worker}");
    assert!(!worker.contains("/kube-apiserver:") && !worker.contains("/etcd:"), "{worker}");
}

/// Two architectures, and manifests that bring images of their own and one of kubeadm's.
#[test]
fn images_are_listed_with_their_origin_and_platforms() {
    let scratch = Scratch::new();
    scratch.write(
        "net/flannel.yml",
        "apiVersion: apps/v1\nkind: DaemonSet\nspec: {template: {spec: {containers: [{image: r.lab/flannel:v1}]}}}\n",
    );
    let pods = ["r.lab/flannel:v1", "registry.k8s.io/etcd:3.6.8-0"]
        .map(|image| format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: '{image}'}}]}}\n"));
    scratch.write("pods.yaml", pods.join("---\n"));
    let profile = scratch.write(
        "profile.yaml",
        "apiVersion: kubespore/v1\ncluster: images\nkubernetesVersion: 1.36.2\ncontrolPlaneEndpoint: api.images.internal:6443\n\
         architecture: arm64\nmanifests: [net/flannel.yml, pods.yaml]\nnodes:\n\
         - {name: cp-1, role: control-plane, address: 10.0.0.11/24}\n\
         - {name: w-1, role: worker, address: 10.0.0.21/24, architecture: amd64}\n",
    );
    let run = |more: &[&str]| {
        kubespore(["images".as_ref(), profile.as_os_str()].into_iter().chain(more.iter().map(AsRef::as_ref))).code(0).stdout()
    };
    let listed: serde_json::Value = serde_json::from_str(&run(&["-o", "json"])).expect("JSON");
    assert_eq!(listed["kubernetesVersion"], "v1.36.2");
    let entry = |entry: &serde_json::Value| {
        let platforms = entry["platforms"].as_array().expect("a list").iter().map(|p| p.as_str().expect("text"));
        let text = |key: &str| entry[key].as_str().expect("text").to_owned();
        format!("{} {} {}", text("name"), text("from"), platforms.collect::<Vec<_>>().join(","))
    };
    let shown: Vec<_> = listed["images"].as_array().expect("a list").iter().map(entry).collect();
    assert_eq!(
        shown,
        [
            "registry.k8s.io/kube-apiserver:v1.36.2 kubeadm linux/arm64",
            "registry.k8s.io/kube-controller-manager:v1.36.2 kubeadm linux/arm64",
            "registry.k8s.io/kube-scheduler:v1.36.2 kubeadm linux/arm64",
            "registry.k8s.io/kube-proxy:v1.36.2 kubeadm linux/amd64,linux/arm64",
            "registry.k8s.io/coredns/coredns:v1.14.2 kubeadm linux/amd64,linux/arm64",
            "registry.k8s.io/pause:3.10.2 kubeadm linux/amd64,linux/arm64",
            "registry.k8s.io/etcd:3.6.8-0 kubeadm linux/amd64,linux/arm64",
            "r.lab/flannel:v1 flannel.yaml linux/amd64,linux/arm64",
        ]
    );
    let names: Vec<_> = shown.iter().map(|line| line.split(' ').next().expect("a name")).collect();
    assert_eq!(run(&[]).lines().collect::<Vec<_>>(), names);
    assert_eq!(run(&["--arch", "amd64"]).lines().collect::<Vec<_>>(), names[3..]);
    assert_eq!(run(&["--arch", "s390x"]), "");
    kubespore(["images".as_ref(), profile.as_os_str(), "--arch".as_ref(), "vax".as_ref()]).code(2);
}

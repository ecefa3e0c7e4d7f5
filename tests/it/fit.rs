//! What every platform is given of every kind of machine, against blessed tables; that it is the same machine, that the
//! search for secrets sees into it; and what is said.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubespore::compose::{self, Wording};
use kubespore::diag::Source;
use kubespore::fit::{self, Placed};
use kubespore::host::{File, Machine};
use kubespore::os::FirstBootProgram;
use kubespore::plan::{ClusterPlan, NodePlan, plan};
use kubespore::platform::{self, Form, Platform, Refused};
use kubespore::seed::{cloud_init, ignition};
use kubespore::{gzip, leak, profile, secrets, terse};

use crate::support::{Scratch, expect_file, kubespore, render};

const PROFILE: &str = "profiles/ha-stacked.yaml";
const BUNDLE: &str = "tests/fixtures/bundles/ha-stacked.yaml";

fn bundle(scratch: &Scratch) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = scratch.path("lab.secrets.yaml");
    fs::copy(BUNDLE, &path).expect("a readable fixture");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
    path
}

/// The first machine of each kind on an operating system.
fn on_each(system: &str, mut see: impl FnMut(&ClusterPlan<'_>, &NodePlan<'_>)) {
    let scratch = Scratch::new();
    let bundle = secrets::load(&bundle(&scratch)).expect("a sound bundle").expect("it is there");
    let text = fs::read_to_string(PROFILE).expect("the profile") + &format!("os: {system}\n");
    let (spec, _) = profile::load(&Source { name: PROFILE.into(), text }, &|name| Err(format!("{name}: none is named")));
    let spec = spec.expect("an example is sound");
    let plan = plan(&spec, &bundle);
    for node in plan.nodes.iter().filter(|node| ["cp-1", "cp-2", "worker-1"].contains(&node.spec.name.as_str())) {
        see(&plan, node);
    }
}

#[test]
fn every_platform_is_given_the_cloud_config_it_takes() {
    every_platform("debian", "cloud-init");
}

#[test]
fn every_platform_is_given_the_ignition_config_it_takes() {
    every_platform("flatcar", "ignition");
}

/// Compares what each platform is given with the blessed table of the first-boot program.
#[track_caller]
fn every_platform(system: &str, program: &str) {
    let mut table = String::new();
    on_each(system, |plan, node| {
        let wanted = secrets::wanted(plan.bundle);
        let (search, mut memory) = (leak::Search::new(&wanted), leak::Memory::default());
        let machine = compose::machine(plan, node);
        let plain = match node.program {
            FirstBootProgram::CloudInit => cloud_init::user_data(&machine),
            FirstBootProgram::Ignition { usual, network, .. } => ignition::encode(&machine, usual, network),
        };
        let held = search.find(plain.as_bytes(), &mut memory);
        assert!(!held.names.is_empty(), "{} holds a token at least", node.spec.name);
        for platform in platform::ALL {
            let limit = platform.limit.map_or("no limit".to_owned(), |limit| format!("of {}", limit.bytes));
            write!(table, "{} {}: ", platform.name, node.spec.name).expect("a string takes all");
            match fit::place(plan, node, platform, true) {
                Ok(placed) => {
                    same_machine(node, platform, &placed, &|wording| compose::worded(plan, node, wording));
                    let found = search.find(&placed.encoded.bytes, &mut memory);
                    assert_eq!(found, held, "{} for {}: the search sees through every layer", node.spec.name, platform.name);
                    let Placed { encoded, ways, .. } = placed;
                    let ways: String = ways.iter().map(|way| format!(", {}", way.words())).collect();
                    writeln!(table, "{} bytes {limit} as {}{ways}", encoded.counted, encoded.form.as_str())
                }
                Err(Refused::TooLarge { form, size, .. }) => {
                    writeln!(table, "refused: {size} bytes {limit} as {}", form.as_str())
                }
                Err(Refused::NoForm) => writeln!(table, "refused: it has no way to hand it over"),
            }
            .expect("a string takes all");
        }
    });
    expect_file(&Path::new("tests/golden/fit").join(program).with_extension("txt"), &table);
}

/// The document says what the machine is; a file of ours may have lost its comments, and nothing else may have changed.
#[track_caller]
fn same_machine(node: &NodePlan<'_>, platform: &Platform, placed: &Placed, machine: &dyn Fn(Wording) -> Machine) {
    let subject = format!("{} for {}", node.spec.name, platform.name);
    let mut bytes = placed.encoded.bytes.clone();
    if matches!(placed.encoded.form, Form::Base64 | Form::GzipBase64) {
        bytes = STANDARD.decode(bytes).expect("one layer of base64");
    }
    if placed.encoded.form.is_compressed() {
        bytes = gzip::decompress(&bytes, 1 << 20).expect("gzip");
    }
    let text = String::from_utf8(bytes).expect("a document is text");
    let files = |machine: &Machine| match node.program {
        FirstBootProgram::CloudInit => cloud_init::files(machine),
        FirstBootProgram::Ignition { network, .. } => ignition::files(machine, network),
    };
    let (full, worded) = (machine(Wording::Full), machine(placed.wording));
    let read = match node.program {
        FirstBootProgram::CloudInit => {
            let plain = cloud_init::decode(&cloud_init::user_data(&full)).expect("our own document");
            let read = cloud_init::decode(&text).expect("our own document");
            assert_eq!((read.hostname, read.commands), (plain.hostname, plain.commands), "{subject}");
            read.files
        }
        FirstBootProgram::Ignition { usual, network, .. } => {
            let plain = ignition::decode(&ignition::encode(&worded, usual, network)).expect("our own config");
            let read = ignition::decode(&text).expect("our own config");
            assert_eq!((read.directories, read.users), (plain.directories, plain.users), "{subject}");
            assert_eq!(read.units, plain.units, "{subject}");
            read.files
        }
    };
    assert_eq!(read, files(&worded), "{subject}");
    let (full, worded) = (files(&full), files(&worded));
    assert_eq!(full.len(), worded.len(), "{subject}");
    for (full, worded) in full.iter().zip(&worded) {
        assert_eq!((&full.path, full.mode), (&worded.path, worded.mode), "{subject}");
        assert!(full.content == worded.content || without_comments(full) == *worded.content, "{subject}: {}", full.path);
    }
}

fn without_comments(file: &File) -> Vec<u8> {
    let text = std::str::from_utf8(&file.content).expect("only texts change");
    let script = text.starts_with("#!/bin/sh\n") || file.path.ends_with("/node.env");
    if script { terse::script(text) } else { terse::lines(text) }.into_bytes()
}

#[test]
fn what_does_not_fit_is_made_to_or_refused_with_what_would_help() {
    let scratch = Scratch::new();
    let bundle = bundle(&scratch);
    let text = fs::read_to_string(PROFILE).expect("the profile");
    let small = text.replace(r#"address: 10.0.0.12/24,"#, r#"address: 10.0.0.12/24, platform: ec2,"#);
    let profile = scratch.write("lab.yaml", &small);
    let out = scratch.path("out");
    let render = |more: &[&str]| render(&profile, &bundle, &out, more);

    let said = render(&[]).code(1).stderr();
    assert!(said.contains("rendering cp-2 for ec2: as gzip it has") && said.contains("/etc/kubespore/first-boot"), "{said}");
    assert!(said.contains("`--fit` makes it smaller") && said.contains("`pki.distribution: certificate-key`"), "{said}");
    assert!(!out.exists(), "a refused render writes nothing");

    let said = render(&["--fit"]).code(0).stderr();
    let line = said.lines().find(|line| line.contains("cp-2 fits ec2")).unwrap_or_else(|| panic!("it is said: {said}"));
    assert!(line.contains("the best compression") && line.contains("16384 allowed"), "{line}");
    let tree = kubespore::out::read(&out).expect("a tree");
    let given = tree.get("nodes/cp-2/platform/user-data").expect("what ec2 is given");
    assert!(given.len() <= 16_384);
    let page = |name: &str| String::from_utf8_lossy(tree.get(name).expect("a page")).into_owned();
    assert!(page("README.md").contains("`cp-2` fits ec2"), "{}", page("README.md"));
    assert!(page("manifest.json").contains(r#""fitted": ["#));
    let shown = kubespore(["inspect".as_ref(), out.join("nodes/cp-2/platform/user-data").as_os_str()]).code(0).stdout();
    assert!(shown.contains("/etc/kubespore/first-boot"), "{shown}");
    // The image beside it is of the same machine, to the byte.
    let from =
        |name: &str| kubespore(["inspect".as_ref(), out.join(name).as_os_str(), "-o".as_ref(), "json".as_ref()]).code(0).stdout();
    let machine =
        |text: String| serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["documents"][0]["machine"].clone();
    assert_eq!(machine(from("nodes/cp-2/platform/user-data")), machine(from("nodes/cp-2/user-data")));
    // Who needs no shrinking is as without `--fit`.
    assert!(page("nodes/cp-3/user-data").contains("# Made by kubespore"));

    let founder = text.replace(r#"address: 10.0.0.11/24,"#, r#"address: 10.0.0.11/24, platform: ec2,"#);
    fs::write(&profile, founder).expect("own file");
    let said = render(&["--fit"]).code(1).stderr();
    assert!(said.contains("rendering cp-1 for ec2: at its smallest, as gzip"), "{said}");
    assert!(said.contains("`join.discovery: token`") && said.contains("`deliver`"), "{said}");
    assert!(!said.contains("`--fit`") && !said.contains("`pki.distribution"), "what would not help is not said: {said}");
}

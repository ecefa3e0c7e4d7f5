//! `kubespore secrets rotate ca`: another authority for a living cluster, in three rounds.
//!
//! In: the cluster, and whether every machine has had the round. Out: the bundle, perhaps one round further; what an operator
//! does in this round, to paste, on stdout. Absent on purpose: going on by itself, since only the operator knows the machines.

use std::path::PathBuf;

use clap::Args;
use time::OffsetDateTime;

use super::ClusterArgs;
use crate::cli::bundle;
use crate::cli::profile::{Loaded, load};
use crate::cli::{Failure, Talk, render};
use crate::error::Error;
use crate::kubernetes::first_release;
use crate::plan::plan;
use crate::profile::spec::{ClusterSpec, Distribution};
use crate::rotation;
use crate::secrets::{self, Bundle, CaRotation};

#[derive(Args, Debug)]
pub struct RotateCaArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    /// Every machine has had this round: go on to the next one
    #[arg(long)]
    next: bool,

    /// Where the cluster is rendered, for the commands [default: out/<cluster>]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub fn run(args: &RotateCaArgs, talk: &Talk) -> Result<(), Failure> {
    let Loaded { spec, .. } = load(&args.cluster.profile, talk)?;
    let profile = &args.cluster.profile.profile;
    let (path, stored) = bundle::existing(&args.cluster.bundle, profile, &spec, talk)?;
    refuse(&spec, &stored.contents)?;
    let mut bundle = stored.contents.clone();
    turn(args.next, &spec, &mut bundle)?;
    if bundle != stored.contents {
        secrets::save(&path, &stored, &bundle, &stored.seal)?;
    }
    let Some(rotation) = &bundle.ca_rotation else {
        talk.say(&format!("the change is over; {} holds the new authority alone", path.display()));
        talk.say("  render again, and give every machine its new seed: one that is wiped and boots an older seed waits for the old authority for ever");
        return Ok(());
    };
    talk.say(&format!("round {} of 3: {}", rotation.round(), purpose(rotation)));
    talk.say("  until the third is over, add and wipe no control plane, and run no `kubeadm upgrade`");
    talk.say("  every machine of the cluster has to be in the profile: one that is not loses the cluster in the second round");
    match rotation {
        CaRotation::Trust(_) => {
            talk.say(
                "  besides what is below: every kubeconfig of yours, and every pod that read the old certificate when it began",
            );
        }
        CaRotation::Sign(_) => {}
        CaRotation::Forget => {
            talk.say("  after it no certificate that the old authority signed is let in, and no seed rendered before joins")
        }
    }
    let rendered = args.output.clone().unwrap_or_else(|| render::usual_place(&spec)).display().to_string();
    let (profile, bundle_words) = (profile.display().to_string(), args.cluster.bundle.words());
    let words = rotation::Words { profile: &profile, rendered: &rendered, bundle: &bundle_words };
    let steps = rotation::steps(&plan(&spec, &bundle), &words);
    talk.data(format!("{}\n", steps.join("\n")).as_bytes())
}

/// What a round is for.
fn purpose(rotation: &CaRotation) -> &'static str {
    match rotation {
        CaRotation::Trust(_) => "machines learn to trust the new authority; the old one signs",
        CaRotation::Sign(_) => "the new authority signs; the old one is still trusted",
        CaRotation::Forget => "machines forget the old authority",
    }
}

fn turn(next: bool, spec: &ClusterSpec, bundle: &mut Bundle) -> Result<(), Error> {
    let (kind, now) = (bundle::authority_algorithm(spec), OffsetDateTime::now_utc());
    match (&bundle.ca_rotation, next) {
        (None, false) => secrets::begin_ca_rotation(bundle, kind, now),
        (Some(_), false) => Ok(()),
        (None, true) => Err(Error::new("going on with the change of the cluster's authority: none has begun")
            .help("`kubespore secrets rotate ca PROFILE` begins it")),
        (Some(_), true) => {
            secrets::proceed_with_ca_rotation(bundle, &secrets::requests(spec), bundle::release(spec).admin_group, kind, now)
        }
    }
}

fn refuse(spec: &ClusterSpec, bundle: &Bundle) -> Result<(), Error> {
    let release = bundle::release(spec);
    let doing = "changing the cluster's authority";
    if !release.two_authorities {
        let since =
            first_release(|release| release.two_authorities).map_or_else(String::new, |minor| format!("; kubeadm {minor} is"));
        return Err(Error::new(format!(
            "{doing}: kubeadm {} is not made for a ca.crt with two authorities{since}",
            release.minor
        ))
        .help("upgrade the cluster first"));
    }
    if spec.pki.distribution == Distribution::CertificateKey {
        return Err(Error::new(format!("{doing}: with `pki.distribution: certificate-key` no script may bring a control plane the new key"))
            .help("write `distribution: embedded` for the time of the change, as long as the scripts and seeds of control planes are kept as the bundle is"));
    }
    if bundle.ca.is_below_another() {
        return Err(Error::new(format!("{doing}: another authority has certified it, and what follows it is that one's to say"))
            .help("as long as the root above it stays, machines trust whatever it certifies; kubespore changes only authorities of its own"));
    }
    Ok(())
}

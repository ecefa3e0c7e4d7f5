//! Platforms: what each takes as user-data, how much of it, and how it counts.
//!
//! In: a row, a first-boot format and a finished document. Out: the document in the form that the platform's field,
//! file or API takes, or by how much it is too large. Absent on purpose: talking to any platform, images with a file
//! system (`image`), and making a document smaller than compression does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::gzip::{self, Effort};
use crate::os::{FirstBootProgram, Os};

/// What a platform wants of user-data.
#[derive(Debug)]
pub struct Platform {
    /// The profile's word for it.
    pub name: &'static str,
    /// Whether machines read the seed from a medium in their drive, rather than ask the platform for it at every boot.
    pub medium: bool,
    /// The largest size in bytes, and what is counted; `None` where only the medium ends.
    pub limit: Option<Limit>,
    /// The forms it passes on to cloud-init intact, the most readable first.
    pub cloud_init: &'static [Form],
    /// The forms that Ignition's provider for it reads (coreos/ignition, internal/providers); none has a whole config
    /// decompressed but the two that say so. Empty: Ignition does not run there, or not from user-data.
    pub ignition: &'static [Form],
    /// The name of the emitted file with cloud-init's document: the platform's own word for the field, if it has one.
    pub cloud_init_file: &'static str,
    /// The name of the emitted file with an Ignition config.
    pub ignition_file: &'static str,
    /// What it wants beside that file.
    pub beside: Beside,
    /// How the file reaches a machine, in words: what follows "the file is", with `FILE` for its path.
    pub how: fn(&Handed<'_>) -> String,
}

/// What a platform wants beside the user-data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// A second value with the instance-id and the network (cloud-init, `cloudinit/sources/DataSourceVMware.py`), in a file of this name.
    GuestMetadata(&'static str),
    /// A Kubernetes Secret with the user-data and the network, in a file of this name.
    Secret(&'static str),
}

/// What is handed over, and to what.
pub struct Handed<'a> {
    /// The machine's operating system.
    pub os: &'a Os,
    /// How the document is wrapped.
    pub form: Form,
}

impl Handed<'_> {
    fn cloud_init(&self) -> bool {
        Format::of(self.os.first_boot) == Format::CloudInit
    }
}

/// A largest size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Bytes.
    pub bytes: usize,
    /// Of what.
    pub counted: Counted,
}

/// What a platform holds against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The bytes after any base64 is undone: compressed ones count as they are.
    Decoded,
    /// The text as sent.
    AsSent,
    /// The base64 of the bytes, which the platform's own client makes when the file is not base64 already.
    Base64,
}

/// How a document is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Raw,
    /// Compressed.
    Gzip,
    /// As text.
    Base64,
    /// Compressed, then as text.
    GzipBase64,
}

impl Form {
    /// Returns the word for it, which is also what `guestinfo.userdata.encoding` calls the last two.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Gzip => "gzip",
            Self::Base64 => "base64",
            Self::GzipBase64 => "gzip+base64",
        }
    }

    /// Wraps a document.
    #[must_use]
    pub fn wrap(self, document: &[u8], effort: Effort) -> Vec<u8> {
        match self {
            Self::Raw => document.to_vec(),
            Self::Gzip => gzip::compress_with(effort, document),
            Self::Base64 => STANDARD.encode(document).into_bytes(),
            Self::GzipBase64 => STANDARD.encode(gzip::compress_with(effort, document)).into_bytes(),
        }
    }

    /// Tells whether it is compressed.
    #[must_use]
    pub fn is_compressed(self) -> bool {
        matches!(self, Self::Gzip | Self::GzipBase64)
    }

    fn is_base64(self) -> bool {
        matches!(self, Self::Base64 | Self::GzipBase64)
    }
}

/// The first-boot format of a document; a platform may take one form of one and not of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// cloud-config.
    CloudInit,
    /// An Ignition config.
    Ignition,
}

impl Format {
    /// Returns the format that a first-boot program reads.
    #[must_use]
    pub fn of(program: FirstBootProgram) -> Self {
        match program {
            FirstBootProgram::CloudInit => Self::CloudInit,
            FirstBootProgram::Ignition { .. } => Self::Ignition,
        }
    }

    /// Returns the name of the document that everything is in.
    #[must_use]
    pub fn document(self) -> &'static str {
        match self {
            Self::CloudInit => "user-data",
            Self::Ignition => "config.ign",
        }
    }
}

/// A document as a platform takes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded {
    /// How it is wrapped.
    pub form: Form,
    /// The wrapped bytes.
    pub bytes: Vec<u8>,
    /// What the platform counts, in bytes.
    pub counted: usize,
}

/// A document that a platform cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The platform has no way to hand such a document to the first-boot program.
    NoForm,
    /// The document is too large in every form.
    TooLarge {
        /// The form that comes closest.
        form: Form,
        /// Its size as the platform counts, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

impl Refused {
    /// Returns by how many bytes the document is too large, if that is what is wrong.
    #[must_use]
    pub fn over_by(self) -> Option<usize> {
        match self {
            Self::NoForm => None,
            Self::TooLarge { size, limit, .. } => Some(size - limit),
        }
    }
}

const KIB: usize = 1024;

const TEXT: &[Form] = &[Form::Raw];
const TEXT_OR_GZIP: &[Form] = &[Form::Raw, Form::Gzip];
const BASE64: &[Form] = &[Form::Base64];
const BASE64_OR_GZIP: &[Form] = &[Form::Base64, Form::GzipBase64];
const NONE: &[Form] = &[];

/// What most have in common.
const SERVICE: Platform = Platform {
    name: "",
    medium: false,
    limit: None,
    cloud_init: TEXT_OR_GZIP,
    ignition: TEXT,
    cloud_init_file: "user-data",
    ignition_file: "config.ign",
    beside: Beside::Nothing,
    how: |_| "the instance's user-data".to_owned(),
};

/// A medium of the user's own: everything goes, nothing ends.
const MEDIUM: Platform = Platform { medium: true, ..SERVICE };

/// Every platform a profile may name, by name.
pub const ALL: &[Platform] = &[
    AZURE,
    CLOUDSTACK,
    DIGITALOCEAN,
    EC2,
    GCE,
    HETZNER,
    HYPERV,
    KUBEVIRT,
    LIBVIRT,
    LINODE,
    LXD,
    MAAS,
    METAL,
    OCI,
    OPENSTACK,
    PROXMOX,
    VMWARE,
];

/// 65 535 bytes of decoded `osProfile.customData`, which is base64 (Azure REST reference, "OSProfile").
const AZURE: Platform = Platform {
    name: "azure",
    limit: Some(Limit { bytes: 65_535, counted: Counted::Decoded }),
    cloud_init: BASE64_OR_GZIP,
    ignition: BASE64,
    cloud_init_file: "custom-data",
    how: |handed| {
        let client = if handed.form.is_compressed() {
            "takes text alone"
        } else {
            "encodes what it is given, so hand it the output of `base64 -d FILE`"
        };
        format!(
            "base64 already, as `osProfile.customData` of the REST API, of templates and of Terraform's `custom_data` is; `az vm create --custom-data` {client}"
        )
    },
    ..SERVICE
};

/// 32 KiB of base64 unless the operator allows more (`vm.userdata.max.length`; cluster-api-provider-cloudstack #9, #14).
const CLOUDSTACK: Platform = Platform {
    name: "cloudstack",
    limit: Some(Limit { bytes: 32 * KIB, counted: Counted::Base64 }),
    how: |_| {
        "a virtual machine's `userdata`, which the API takes as base64: `cmk deploy virtualmachine userdata=$(base64 -w0 FILE)`"
            .to_owned()
    },
    ..SERVICE
};

/// 64 KiB of text (API reference, "user_data"); the data travels in JSON, and nothing decodes it.
const DIGITALOCEAN: Platform = Platform {
    name: "digitalocean",
    limit: Some(Limit { bytes: 64 * KIB, counted: Counted::AsSent }),
    cloud_init: TEXT,
    how: |_| "a droplet's user data: `doctl compute droplet create --user-data-file FILE`".to_owned(),
    ..SERVICE
};

/// 16 KB before base64, compressed data as it is (EC2 user guide, "user data").
const EC2: Platform = Platform {
    name: "ec2",
    limit: Some(Limit { bytes: 16 * KIB, counted: Counted::Decoded }),
    how: |handed| {
        // `file://` reads text, and gzip is none.
        let scheme = if handed.form.is_compressed() { "fileb" } else { "file" };
        format!("an instance's user data: `aws ec2 run-instances --user-data {scheme}://FILE`, which makes the base64 itself")
    },
    ..SERVICE
};

/// 256 KiB for the value of the metadata key `user-data`; base64 where `user-data-encoding` says so (metadata reference,
/// cloud-init's GCE datasource). Ignition's provider knows no such second key.
const GCE: Platform = Platform {
    name: "gce",
    limit: Some(Limit { bytes: 256 * KIB, counted: Counted::AsSent }),
    cloud_init: &[Form::Raw, Form::GzipBase64],
    how: |handed| {
        let encoding = match handed.form {
            Form::GzipBase64 => " --metadata user-data-encoding=base64`, the second key with it",
            Form::Raw | Form::Gzip | Form::Base64 => "`",
        };
        format!(
            "the value of the metadata key `user-data`: `gcloud compute instances create --metadata-from-file user-data=FILE{encoding}"
        )
    },
    ..SERVICE
};

/// 32 KiB of text as sent (API reference, "user_data"); cloud-init undoes one base64 layer.
const HETZNER: Platform = Platform {
    name: "hetzner",
    limit: Some(Limit { bytes: 32 * KIB, counted: Counted::AsSent }),
    cloud_init: &[Form::Raw, Form::GzipBase64],
    how: |_| "a server's user data: `hcloud server create --user-data-from-file FILE`".to_owned(),
    ..SERVICE
};

/// The seed is an image. Ignition reads key-value pairs instead, about a kilobyte each, which its own tool splits.
const HYPERV: Platform = Platform {
    name: "hyperv",
    how: |handed| match Format::of(handed.os.first_boot) {
        Format::CloudInit => "what the seed's image holds; attach that".to_owned(),
        Format::Ignition => "split into key-value pairs by `kvpctl VM add-ign FILE`".to_owned(),
    },
    ..MEDIUM
};

/// 2 048 bytes inline, refused to grow (kubevirt #2559); anything larger goes into a Secret, which this file is for.
/// A Secret ends at 1 MiB, its values before base64 (Kubernetes documentation, "Secrets"). What `kubectl apply` keeps of an object in an
/// annotation ends at 256 KiB. Of the two volumes the config drive wants its network in OpenStack's shape, which no Secret of ours has.
const KUBEVIRT: Platform = Platform {
    name: "kubevirt",
    limit: Some(Limit { bytes: KIB * KIB, counted: Counted::Decoded }),
    cloud_init_file: "userdata",
    beside: Beside::Secret("secret.yaml"),
    medium: true,
    how: |handed| {
        let volume = if handed.cloud_init() {
            "`cloudInitNoCloud` volume, and where it has a network as `networkDataSecretRef` too"
        } else {
            "`cloudInitConfigDrive` volume"
        };
        format!(
            "what `platform/secret.yaml` carries, for inline a volume takes no more than 2048 bytes of it: `kubectl apply --server-side -f` that file, then \
             name the Secret as `secretRef` of the virtual machine's {volume}"
        )
    },
    ..SERVICE
};

/// The seed is an image; Ignition gets a file through the firmware's configuration device.
const LIBVIRT: Platform = Platform {
    name: "libvirt",
    how: |handed| {
        match Format::of(handed.os.first_boot) {
        Format::CloudInit => {
            "what `virt-install --cloud-init user-data=FILE,meta-data=…,network-config=…` makes an image of, with the documents beside".to_owned()
        }
        Format::Ignition => format!(
            "a firmware variable: `virt-install --qemu-commandline=\"-fw_cfg name={},file=FILE\"`",
            handed.os.firmware_config
        ),
    }
    },
    ..MEDIUM
};

/// 16 KiB before base64 (API reference, "metadata.user_data"). cloud-init decompresses it from 24.4 on (#5751), Ignition from 2.20 on.
const LINODE: Platform = Platform {
    name: "linode",
    limit: Some(Limit { bytes: 16 * KIB, counted: Counted::Decoded }),
    cloud_init: BASE64_OR_GZIP,
    ignition: BASE64_OR_GZIP,
    how: |handed| {
        let compressed = if handed.form.is_compressed() {
            "; compressed, it is for images with cloud-init 24.4 or Ignition 2.20 and newer alone"
        } else {
            ""
        };
        format!(
            "base64 already, as `metadata.user_data` of the API is: `linode-cli linodes create --metadata.user_data \"$(cat FILE)\"`{compressed}"
        )
    },
    ..SERVICE
};

/// A configuration key, `cloud-init.user-data`, of YAML text. There is no provider for Ignition.
const LXD: Platform = Platform {
    name: "lxd",
    cloud_init: TEXT,
    ignition: NONE,
    cloud_init_file: "cloud-init.user-data",
    how: |_| {
        "a configuration key, and the network is another: `lxc config set NODE cloud-init.user-data - <FILE`, and `cloud-init.network-config - <` that document"
            .to_owned()
    },
    ..SERVICE
};

/// The API takes base64; curtin hands the data on. There is no provider for Ignition.
const MAAS: Platform = Platform {
    name: "maas",
    cloud_init: BASE64_OR_GZIP,
    ignition: NONE,
    how: |_| "base64 already, as the API wants it: `maas PROFILE machine deploy SYSTEM user_data=\"$(cat FILE)\"`".to_owned(),
    ..SERVICE
};

/// A medium or a server of the user's own.
const METAL: Platform = Platform {
    name: "metal",
    how: |handed| {
        match Format::of(handed.os.first_boot) {
        Format::CloudInit => {
            "what a web server of your own hands out, beside the other three documents: the kernel's argument is `ds=nocloud;s=http://SERVER/NODE/`".to_owned()
        }
        Format::Ignition => format!(
            "what a web server of your own hands out: the kernel's arguments are `{}` and `ignition.config.url=http://SERVER/FILE`",
            if handed.os.first_boot_arguments.is_empty() { "ignition.firstboot ignition.platform.id=metal" } else { handed.os.first_boot_arguments }
        ),
    }
    },
    ..MEDIUM
};

/// 32 000 bytes for all metadata of an instance, the base64 of `user_data` among it (API reference, "LaunchInstanceDetails").
/// 512 of them are left for what else is in there: the keys' names and an SSH key.
const OCI: Platform = Platform {
    name: "oci",
    limit: Some(Limit { bytes: 32_000 - 512, counted: Counted::Base64 }),
    cloud_init: BASE64_OR_GZIP,
    ignition: BASE64,
    how: |_| {
        "base64 already, as `metadata.user_data` of the API and of Terraform is; `oci compute instance launch --user-data-file` encodes what it is given, so hand it \
         the output of `base64 -d FILE`"
            .to_owned()
    },
    ..SERVICE
};

/// 65 535 bytes of base64, which the client makes (Nova, "user data").
const OPENSTACK: Platform = Platform {
    name: "openstack",
    limit: Some(Limit { bytes: 65_535, counted: Counted::Base64 }),
    how: |_| "an instance's user data, of which the client makes base64: `openstack server create --user-data FILE`".to_owned(),
    ..SERVICE
};

/// A snippet on a storage of Proxmox VE, copied into the seed image as it is.
const PROXMOX: Platform = Platform {
    name: "proxmox",
    cloud_init: TEXT,
    how: |handed| {
        let also = if handed.cloud_init() { ",meta=…,network=…` with the documents beside, all of them" } else { "`," };
        format!("a snippet: `qm set VMID --cicustom user=STORAGE:snippets/FILE{also} on a storage for snippets")
    },
    ..MEDIUM
};

/// 64 KiB for each guestinfo value (open-vm-tools; vm-operator #148), as it is stored. The second key,
/// `guestinfo.userdata.encoding` or `guestinfo.ignition.config.data.encoding`, names the form.
const VMWARE: Platform = Platform {
    name: "vmware",
    medium: false,
    limit: Some(Limit { bytes: 64 * KIB, counted: Counted::AsSent }),
    cloud_init: BASE64_OR_GZIP,
    ignition: BASE64_OR_GZIP,
    cloud_init_file: "guestinfo.userdata",
    ignition_file: "guestinfo.ignition.config.data",
    beside: Beside::GuestMetadata("guestinfo.metadata"),
    how: |handed| {
        let key = if handed.cloud_init() { "guestinfo.userdata" } else { "guestinfo.ignition.config.data" };
        let form = handed.form.as_str();
        let own = format!("`govc vm.change -vm NODE -f {key}=FILE -e {key}.encoding={form}`");
        if handed.cloud_init() {
            format!(
                "one of two values, each with the name of its encoding: {own}, and the same with `guestinfo.metadata`, whose encoding is {}",
                Form::Base64.as_str()
            )
        } else {
            format!("a value, with the name of its encoding: {own}")
        }
    },
};

/// Finds a platform by the profile's word.
#[must_use]
pub fn find(name: &str) -> Option<&'static Platform> {
    ALL.iter().find(|platform| platform.name == name)
}

impl Platform {
    /// Returns the forms it takes of a format, the most readable first.
    #[must_use]
    pub fn forms(&self, format: Format) -> &'static [Form] {
        match format {
            Format::CloudInit => self.cloud_init,
            Format::Ignition => self.ignition,
        }
    }

    /// Returns the form whose size the platform counts when it is given one: it may undo base64, or make it.
    #[must_use]
    pub fn counts(&self, given: Form) -> Form {
        match (self.limit.map_or(Counted::AsSent, |limit| limit.counted), given) {
            (Counted::Decoded, Form::Base64) => Form::Raw,
            (Counted::Decoded, Form::GzipBase64) => Form::Gzip,
            (Counted::Base64, Form::Raw) => Form::Base64,
            (Counted::Base64, Form::Gzip) => Form::GzipBase64,
            (_, form) => form,
        }
    }

    /// Counts wrapped bytes as the platform does.
    #[must_use]
    pub fn count(&self, form: Form, wrapped: &[u8]) -> usize {
        match self.limit.map_or(Counted::AsSent, |limit| limit.counted) {
            Counted::Decoded if form.is_base64() => decoded_length(wrapped),
            Counted::Base64 if !form.is_base64() => wrapped.len().div_ceil(3) * 4,
            Counted::Decoded | Counted::AsSent | Counted::Base64 => wrapped.len(),
        }
    }
}

fn decoded_length(base64: &[u8]) -> usize {
    let padding = base64.iter().rev().take_while(|byte| **byte == b'=').count();
    base64.len() / 4 * 3 - padding
}

/// Puts a document into the most readable form that the platform takes and holds.
///
/// # Errors
/// `NoForm` when the platform cannot pass such a document on; `TooLarge` with the smallest size that was tried.
pub fn fit(platform: &Platform, format: Format, document: &[u8], effort: Effort) -> Result<Encoded, Refused> {
    let mut closest = Refused::NoForm;
    for form in platform.forms(format) {
        let bytes = form.wrap(document, effort);
        let counted = platform.count(*form, &bytes);
        let Some(limit) = platform.limit.map(|limit| limit.bytes).filter(|limit| counted > *limit) else {
            return Ok(Encoded { form: *form, bytes, counted });
        };
        let refused = Refused::TooLarge { form: *form, size: counted, limit };
        if closest.over_by().is_none_or(|over| counted - limit < over) {
            closest = refused;
        }
    }
    Err(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that compression only lengthens: a xorshift generator's, from a fixed start.
    fn incompressible(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..length).map(next).collect()
    }

    /// The longest document that the limit lets through when nothing can be compressed.
    fn longest(platform: &Platform, format: Format) -> Option<usize> {
        let limit = platform.limit?;
        let base64 = |bytes: usize| bytes / 4 * 3;
        Some(match (limit.counted, platform.forms(format).first()?.is_base64()) {
            (Counted::Decoded, _) | (Counted::AsSent, false) => limit.bytes,
            (Counted::Base64, _) | (Counted::AsSent, true) => base64(limit.bytes),
        })
    }

    #[test]
    fn hypervisors_and_metal_boot_from_a_medium() {
        let media: Vec<_> = ALL.iter().filter(|platform| platform.medium).map(|platform| platform.name).collect();
        assert_eq!(media, ["hyperv", "kubevirt", "libvirt", "metal", "proxmox"]);
    }

    #[test]
    fn every_limit_holds_to_the_byte() {
        let mut seen = 0;
        for platform in ALL {
            for format in [Format::CloudInit, Format::Ignition] {
                let Some(longest) = longest(platform, format) else { continue };
                seen += 1;
                for length in [longest - 1, longest] {
                    let encoded = fit(platform, format, &incompressible(length), Effort::Usual);
                    let encoded = encoded.unwrap_or_else(|refused| panic!("{} at {length}: {refused:?}", platform.name));
                    assert_eq!(encoded.form, platform.forms(format)[0], "{} at {length}", platform.name);
                    assert!(encoded.counted <= platform.limit.map_or(0, |limit| limit.bytes));
                }
                let refused = fit(platform, format, &incompressible(longest + 1), Effort::Usual).expect_err(platform.name);
                let over = refused.over_by().expect("too large");
                assert!((1..=4).contains(&over), "{}: over by {over}", platform.name);
            }
        }
        assert_eq!(seen, 11 + 11, "eleven platforms with a limit, each for both formats");
    }

    /// Far too much to go uncompressed, and `tail` bytes that compression leaves as they are.
    fn half_compressible(platform: &Platform, tail: usize) -> Vec<u8> {
        let mut document = vec![0; platform.limit.map_or(0, |limit| 2 * limit.bytes)];
        document.extend(incompressible(tail));
        document
    }

    #[test]
    fn every_limit_holds_for_what_is_compressed() {
        let mut seen = 0;
        for platform in ALL {
            for format in [Format::CloudInit, Format::Ignition] {
                let compressed = platform.forms(format).iter().find(|form| form.is_compressed());
                let Some((limit, form)) = platform.limit.zip(compressed) else { continue };
                seen += 1;
                let fitted = |tail| fit(platform, format, &half_compressible(platform, tail), Effort::Usual);
                let (mut fits, mut over) = (0, 2 * limit.bytes);
                while over - fits > 1 {
                    let tail = usize::midpoint(fits, over);
                    if fitted(tail).is_ok() { fits = tail } else { over = tail }
                }
                let encoded = fitted(fits).expect("it was found to fit");
                assert_eq!(encoded.form, *form, "{}", platform.name);
                // One byte more may be one more block, and base64 counts by fours.
                assert!((limit.bytes - 8..=limit.bytes).contains(&encoded.counted), "{}: {}", platform.name, encoded.counted);
                let refused = fitted(over).expect_err(platform.name).over_by().expect("too large");
                assert!((1..=8).contains(&refused), "{}: over by {refused}", platform.name);
            }
        }
        assert_eq!(seen, 10 + 2, "ten platforms decompress for cloud-init, two for Ignition");
    }

    #[test]
    fn limits_are_the_documented_ones() {
        let limits: Vec<_> = ALL.iter().filter_map(|p| p.limit.map(|limit| (p.name, limit.bytes))).collect();
        assert_eq!(
            limits,
            [
                ("azure", 65_535),
                ("cloudstack", 32_768),
                ("digitalocean", 65_536),
                ("ec2", 16_384),
                ("gce", 262_144),
                ("hetzner", 32_768),
                ("kubevirt", 1_048_576),
                ("linode", 16_384),
                ("oci", 32_000 - 512),
                ("openstack", 65_535),
                ("vmware", 65_536),
            ]
        );
    }

    #[test]
    fn base64_is_counted_where_the_platform_counts_it() {
        let openstack = find("openstack").expect("a row");
        // 49 149 bytes are 65 532 of base64; one more are 65 536.
        assert_eq!(
            fit(openstack, Format::Ignition, &[b'x'; 49_149], Effort::Usual).map(|e| (e.form, e.counted)),
            Ok((Form::Raw, 65_532))
        );
        let refused = Refused::TooLarge { form: Form::Raw, size: 65_536, limit: 65_535 };
        assert_eq!(fit(openstack, Format::Ignition, &[b'x'; 49_150], Effort::Usual), Err(refused));
        assert_eq!(refused.over_by(), Some(1));
        let oci = find("oci").expect("a row");
        assert_eq!(fit(oci, Format::Ignition, &[b'x'; 23_616], Effort::Usual).map(|e| e.counted), Ok(31_488));
        assert!(fit(oci, Format::Ignition, &[b'x'; 23_617], Effort::Usual).is_err());
    }

    #[test]
    fn compression_comes_when_needed_and_only_where_taken() {
        let text = "the same line\n".repeat(5_000);
        let form = |name: &str, format, length| {
            fit(find(name).expect("a row"), format, &text.as_bytes()[..length], Effort::Usual)
                .map(|encoded| encoded.form)
                .map_err(|_| name.to_owned())
        };
        assert_eq!(form("ec2", Format::CloudInit, 16_384), Ok(Form::Raw));
        assert_eq!(form("ec2", Format::CloudInit, 16_385), Ok(Form::Gzip));
        assert_eq!(form("ec2", Format::Ignition, 16_385), Err("ec2".to_owned()));
        assert_eq!(form("digitalocean", Format::CloudInit, 65_537), Err("digitalocean".to_owned()));
        assert_eq!(form("hetzner", Format::CloudInit, 32_769), Ok(Form::GzipBase64));
        assert_eq!(form("vmware", Format::Ignition, 49_152), Ok(Form::Base64));
        assert_eq!(form("vmware", Format::Ignition, 49_153), Ok(Form::GzipBase64));
        assert_eq!(form("metal", Format::CloudInit, text.len()), Ok(Form::Raw));
    }

    #[test]
    fn what_a_platform_cannot_pass_on_is_said() {
        assert_eq!(fit(find("lxd").expect("a row"), Format::Ignition, b"{}", Effort::Usual), Err(Refused::NoForm));
        assert_eq!(Refused::NoForm.over_by(), None);
    }

    #[test]
    fn every_form_unwraps() {
        let document = incompressible(1000);
        let plain = |bytes: &[u8]| STANDARD.decode(bytes).expect("base64");
        assert_eq!(Form::Raw.wrap(&document, Effort::Usual), document);
        assert_eq!(plain(&Form::Base64.wrap(&document, Effort::Usual)), document);
        assert_eq!(gzip::decompress(&Form::Gzip.wrap(&document, Effort::Usual), 1000).as_deref(), Ok(&document[..]));
        assert_eq!(
            gzip::decompress(&plain(&Form::GzipBase64.wrap(&document, Effort::Usual)), 1000).as_deref(),
            Ok(&document[..])
        );
        for length in 0..10 {
            assert_eq!(decoded_length(&Form::Base64.wrap(&document[..length], Effort::Usual)), length);
        }
    }

    #[test]
    fn every_row_says_how_its_file_reaches_a_machine() {
        for platform in ALL {
            for os in ["debian", "flatcar", "microos"].map(|os| crate::os::find(os).expect("a row")) {
                for form in platform.forms(Format::of(os.first_boot)) {
                    let how = (platform.how)(&Handed { os, form: *form });
                    assert!(
                        how.matches('`').count() % 2 == 0 && !how.contains("``") && !how.ends_with('.'),
                        "{}: {how}",
                        platform.name
                    );
                }
            }
        }
        let how = |name: &str, os: &str, form| {
            (find(name).expect("a row").how)(&Handed { os: crate::os::find(os).expect("a row"), form })
        };
        assert!(how("ec2", "debian", Form::Gzip).contains("fileb://FILE"));
        assert!(how("ec2", "debian", Form::Raw).contains(" file://FILE"));
        assert!(how("gce", "debian", Form::GzipBase64).contains("user-data-encoding=base64"));
        assert!(!how("gce", "debian", Form::Raw).contains("encoding"));
        assert!(how("vmware", "debian", Form::GzipBase64).contains("guestinfo.userdata.encoding=gzip+base64"));
        assert!(how("vmware", "flatcar", Form::Base64).contains("guestinfo.ignition.config.data.encoding=base64"));
        assert!(how("libvirt", "flatcar", Form::Raw).contains("opt/org.flatcar-linux/config"));
        assert!(how("libvirt", "rhcos", Form::Raw).contains("opt/com.coreos/config"));
    }

    #[test]
    fn what_is_counted_is_the_size_of_its_form() {
        let document = incompressible(1000);
        for platform in ALL {
            for form in platform.cloud_init.iter().chain(platform.ignition) {
                let counted = platform.count(*form, &form.wrap(&document, Effort::Usual));
                let meant = platform.counts(*form).wrap(&document, Effort::Usual).len();
                assert_eq!(counted, meant, "{} {}", platform.name, form.as_str());
            }
        }
    }

    #[test]
    fn rows_are_sorted_and_found() {
        assert!(ALL.windows(2).all(|pair| pair[0].name < pair[1].name));
        for platform in ALL {
            assert_eq!(find(platform.name).map(|found| found.name), Some(platform.name));
            assert!(!platform.cloud_init.is_empty(), "{}", platform.name);
        }
    }
}

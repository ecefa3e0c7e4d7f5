//! Seed images: what is written is read back whole, the same files make the same bytes, and no damage harms a reader.

use kubespore::error::Error;
use kubespore::image::{self, Image, cpio, fat, iso9660};
use sha2::{Digest, Sha256};

type Files = Vec<(String, Vec<u8>)>;
type Writer = fn(&[(&str, &[u8])]) -> Result<Vec<u8>, Error>;

/// Every kind of image, its label, and the SHA-256 of the one with `nasty` files: a change of a single byte is a change for
/// every seed ever rendered, and has to be meant.
const WRITERS: [(&str, &str, Writer, &str); 3] = [
    ("ISO 9660", "cidata", iso, "45c81ffacdc705ad8f2ba096ac53092e14d74045067b0e87cd874ad5f6884c5b"),
    ("FAT", "cidata", vfat, "a336915c4c8529ae8fb758c969f674e655f1e6ae5baa9daa5a254fd421a25264"),
    ("cpio", "", cpio::write, "cbaabbdeeed3a44238cd44720aa33e1753efb897b6bdf9d5acc35943a19acfb4"),
];

fn iso(files: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    iso9660::write("cidata", files)
}

fn vfat(files: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    fat::write("cidata", files)
}

/// Files that any image finds hard, sorted by path: long and strange names, colliding short names, shared folders, sizes
/// around those of blocks, more entries than a sector of any directory holds.
fn nasty() -> Files {
    let mut files: Files = [0, 1, 511, 512, 513, 2047, 2048, 2049, 40_000]
        .into_iter()
        .map(|size| (format!("sizes/{size}"), (0..size).map(|n| u8::try_from(n % 251).expect("less than 251")).collect()))
        .collect();
    let texts = [
        "user-data",
        "user_dat",
        "meta-data",
        "vendor-data",
        "network-config",
        "openstack/latest/user_data",
        "openstack/latest/meta_data.json",
        "openstack/content/0000",
        "a/b/c/d/e/f/g/deepest",
        "ovf-env.xml",
        ".hidden",
        "two.dots.tar.gz",
        "no.extension/with.dots.in/folders",
        "README",
        "with space and [brackets] ~1",
        "grüße/日本語.txt",
    ];
    files.extend(texts.map(|path| (path.to_owned(), format!("this is {path}\n").into_bytes())));
    for number in 0..40 {
        files.push((format!("many/the same first eight characters {number}.conf"), vec![number]));
    }
    files.push(("n".repeat(64), b"longest".to_vec()));
    files.push((format!("many/{}", "ü".repeat(64)), b"longest in UTF-8".to_vec()));
    files.sort();
    files
}

fn small() -> Files {
    let files = [("meta-data", "instance-id: a\n"), ("openstack/latest/user_data", "#cloud-config\n"), ("user-data", "x")];
    files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).to_vec()
}

fn write(writer: Writer, files: &Files) -> Vec<u8> {
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    writer(&borrowed).expect("these files fit")
}

fn read(bytes: &[u8]) -> Image {
    image::read(bytes).expect("a sound image")
}

/// Numbers that are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("less than a usize")
    }
}

#[test]
fn what_is_written_is_read_back() {
    for files in [nasty(), small(), Vec::new()] {
        for (kind, label, writer, _) in WRITERS {
            let bytes = write(writer, &files);
            assert!(image::recognises(&bytes));
            let image = read(&bytes);
            assert_eq!(image.label, label, "{kind}");
            let names = |files: &Files| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
            assert_eq!(names(&image.files), names(&files), "{kind}");
            assert!(image.files == files, "{kind} holds other bytes than were put in");
        }
    }
}

#[test]
fn the_same_files_make_the_same_bytes() {
    for (kind, _, writer, golden) in WRITERS {
        let mut files = nasty();
        let bytes = write(writer, &files);
        files.reverse();
        assert!(write(writer, &files) == bytes, "the order of the files shows in {kind}");
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, golden, "{kind}");
    }
}

#[test]
fn path_tables_lead_to_the_directories() {
    let disc = write(iso, &nasty());
    let number = |at: usize| u32::from_le_bytes(disc[at..at + 4].try_into().expect("four bytes")) as usize;
    for descriptor in [16 * 2048, 17 * 2048] {
        let length = number(descriptor + 132);
        let big = u32::from_be_bytes(disc[descriptor + 148..][..4].try_into().expect("four bytes")) as usize;
        let (little, big) = (number(descriptor + 140) * 2048, big * 2048);
        let (mut folders, mut keys): (Vec<usize>, Vec<(usize, Vec<u8>)>) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < length {
            let size = (8 + usize::from(disc[little + at])).next_multiple_of(2);
            let [one, other] = [little, big].map(|table| &disc[table + at..][..size]);
            assert_eq!((&one[..2], &one[8..]), (&other[..2], &other[8..]));
            assert!(one[2..6].iter().eq(other[2..6].iter().rev()) && one[6..8].iter().eq(other[6..8].iter().rev()));
            let (folder, parent) = (number(little + at + 2), usize::from(one[6]) | usize::from(one[7]) << 8);
            let key = (parent, one[8..8 + usize::from(one[0])].to_vec());
            assert!(keys.last().is_none_or(|last| *last < key), "by level, parent and name");
            keys.push(key);
            folders.push(folder);
            assert_eq!(number(folder * 2048 + 2), folder, "a directory's first record leads to itself");
            let second = folder * 2048 + usize::from(disc[folder * 2048]);
            assert_eq!(number(second + 2), folders[parent - 1], "and its second to its parent");
            at += size;
        }
        assert_eq!(folders.len(), 1 + "sizes openstack latest content a b c d e f g no with many grüße".split(' ').count());
    }
}

#[test]
fn a_serial_number_follows_the_content() {
    let serial = |files: &Files| write(vfat, files)[39..43].to_vec();
    let mut files = small();
    let before = serial(&files);
    files[0].1[0] ^= 1;
    assert_ne!(serial(&files), before);
}

#[test]
fn fat12_gives_way_to_fat16() {
    let files = |size| vec![("folder/large".to_owned(), vec![7; size]), ("small".to_owned(), vec![8])];
    for (size, kind) in [(2_030_000, "FAT12   "), (2_060_000, "FAT16   "), (2_110_000, "FAT16   ")] {
        let bytes = write(vfat, &files(size));
        assert_eq!(&bytes[54..62], kind.as_bytes(), "{size} bytes");
        assert!(read(&bytes).files == files(size), "{size} bytes");
    }
    assert!(fat::write("cidata", &[("too-large", &vec![7; 33 << 20])]).is_err());
}

#[test]
fn labels_are_kept_or_refused() {
    for label in ["cidata", "config-2", "OVF ENV", "A"] {
        assert_eq!(read(&iso9660::write(label, &[]).expect("a sound label")).label, label);
        assert_eq!(read(&fat::write(label, &[]).expect("a sound label")).label, label);
    }
    for label in ["", "zwölf", "line\n", "seventeen letters"] {
        assert!(iso9660::write(label, &[]).is_err(), "{label:?}");
        assert!(fat::write(label, &[]).is_err(), "{label:?}");
    }
    assert!(iso9660::write("sixteen letters!", &[]).is_ok());
    assert!(fat::write("twelve signs", &[]).is_err());
}

#[test]
fn what_an_image_cannot_hold_is_refused_by_name() {
    let refused = |kind: &str, writer: Writer, paths: &[&str]| {
        let mut files: Vec<(&str, &[u8])> = paths.iter().map(|path| (*path, b"".as_slice())).collect();
        for _ in 0..2 {
            let refusal = match writer(&files) {
                Ok(_) => panic!("{kind} holds {paths:?}"),
                Err(error) => error.to_string(),
            };
            assert!(paths.iter().any(|path| refusal.contains(path)), "{kind} refuses {paths:?} with: {refusal}");
            files.reverse();
        }
    };
    for (kind, _, writer, _) in WRITERS {
        let cases: [&[&str]; 6] =
            [&["/absolute"], &["a//b"], &["a/../b"], &["a/./b"], &["twice", "twice"], &["file", "file/below"]];
        cases.iter().for_each(|paths| refused(kind, writer, paths));
    }
    let long = "l".repeat(65);
    let cases: [&[&str]; 4] = [&[&long], &["a/b/c/d/e/f/g/h/too-deep"], &["question?"], &["beyond-ucs2-🦀"]];
    cases.iter().for_each(|paths| refused("ISO 9660", iso, paths));
    let cases: [&[&str]; 5] =
        [&["question?"], &["dot-at-end."], &["User-Data", "user-data"], &["Etc/a", "etc/b"], &["ETC", "etc/b"]];
    cases.iter().for_each(|paths| refused("FAT", vfat, paths));
}

#[test]
fn a_cut_image_is_refused_or_lacks_nothing() {
    for (kind, _, writer, _) in WRITERS {
        let files = nasty();
        let bytes = write(writer, &files);
        for end in (0..bytes.len()).step_by(512) {
            if let Ok(image) = image::read(&bytes[..end]) {
                assert!(image.files == files, "{kind} cut at {end} lost something and nobody noticed");
            }
        }
    }
}

#[test]
fn no_damage_harms_a_reader() {
    let mut numbers = Numbers(0x6b75_6265_7370_6f72);
    let bounded = |bytes: &[u8]| {
        if let Ok(image) = image::read(bytes) {
            let held: usize = image.files.iter().map(|(_, content)| content.len()).sum();
            assert!(held <= bytes.len() * 4, "{held} bytes came out of {}", bytes.len());
            for (path, _) in &image.files {
                assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "`{path}` leads elsewhere");
            }
        }
    };
    for (_, _, writer, _) in WRITERS {
        let bytes = write(writer, &small());
        for at in (0..bytes.len()).filter(|at| bytes[*at] != 0) {
            for flip in [0xff, 1 << numbers.below(8)] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                bounded(&damaged);
            }
        }
        let bytes = write(writer, &nasty());
        let telling: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        for _ in 0..500 {
            let mut damaged = bytes.clone();
            for _ in 0..=numbers.below(8) {
                let near = telling[numbers.below(telling.len())] + numbers.below(4);
                damaged[near.min(bytes.len() - 1)] = [0, 1, 0x7f, 0xff, b'/'][numbers.below(5)];
            }
            bounded(&damaged);
        }
    }
}

#[test]
fn a_folder_entered_twice_is_refused() {
    let position = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what).expect("it is there");

    let mut disc = write(iso, &small());
    // The identifier's length precedes it and is byte 32 of the record; the root's record is byte 156 of the descriptor.
    let record = position(&disc, b"\x08OPENSTAC") - 32;
    let root = disc[16 * 2048 + 156 + 2..][..4].to_vec();
    disc[record + 2..record + 6].copy_from_slice(&root);
    assert!(image::read(&disc).is_err(), "a directory that contains the root");

    // Every folder leads to the one below it fourteen times: a reader that follows them all enters the last one 14⁷ times.
    let mut disk = write(vfat, &vec![("A/B/C/D/E/F/G/H".to_owned(), Vec::new())]);
    for folder in position(&disk, b".          ") / 512..disk.len() / 512 {
        let below = disk[folder * 512 + 64..][..32].to_vec();
        if below[11] == 0x10 {
            for (copy, number) in disk[folder * 512 + 64..][..448].chunks_exact_mut(32).zip(b'A'..) {
                copy.copy_from_slice(&below);
                copy[1] = number;
            }
        }
    }
    assert!(image::read(&disk).is_err(), "one folder under many names");
}

#[test]
fn names_in_continuations_and_links_are_understood() {
    // What xorriso makes of a long name: the system-use area has a CE entry, and the name stands where that leads.
    let name = "n".repeat(64);
    let mut disc = write(iso, &vec![(name.clone(), b"long".to_vec()), ("link".to_owned(), b"x".to_vec())]);
    let field = disc.windows(4).position(|window| window == [b'N', b'M', 69, 1]).expect("a name");
    let moved = disc[field..field + 69].to_vec();
    let sector = u32::try_from(disc.len() / 2048).expect("a small image");
    let both = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
    disc[field..field + 28].copy_from_slice(&[b"CE\x1c\x01", both(sector).as_slice(), &both(100), &both(69)].concat());
    disc[field + 28..field + 69].fill(0);
    disc.resize(disc.len() + 2048, 0);
    let area = disc.len() - 2048 + 100;
    disc[area..area + 69].copy_from_slice(&moved);
    // A symbolic link has another type in its mode.
    let link = disc.windows(9).position(|window| window == b"NM\x09\x01\0link").expect("a name");
    let mode = disc[..link].windows(2).rposition(|window| window == b"PX").expect("a mode") + 4;
    disc[mode + 1] = 0o120_000_u16.to_le_bytes()[1];
    assert_eq!(read(&disc).files, [(name, b"long".to_vec())]);
}

#[test]
fn a_small_fat32_is_one() {
    // A volume as mkfs.vfat -F 32 makes it of few sectors: one reserved, one table of one sector, the root in cluster 2.
    let mut disk = vec![0; 8 * 512];
    let fields: [(usize, &[u8]); 9] = [
        (0, &[0xeb, 0x58, 0x90]),
        (11, &[0, 2, 1, 1, 0, 1]),
        (32, &[8]),
        (36, &[1]),
        (44, &[2]),
        (510, &[0x55, 0xaa]),
        (512 + 8, &[0xff, 0xff, 0xff, 0x0f, 0xf8, 0xff, 0xff, 0xff]),
        (1024, b"CIDATA     \x08"),
        (1024 + 32, b"SEED    TXT\x20\x18"),
    ];
    for (at, bytes) in fields {
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    }
    disk[1024 + 32 + 26] = 3;
    disk[1024 + 32 + 28] = 2;
    disk[1536..1538].copy_from_slice(b"hi");
    let image = read(&disk);
    assert_eq!((image.label.as_str(), image.files), ("CIDATA", vec![("seed.txt".to_owned(), b"hi".to_vec())]));
}

#[test]
fn text_is_no_image() {
    for bytes in [b"".as_slice(), b"#cloud-config\n", &[0; 40_000], &[0xff; 512]] {
        assert!(!image::recognises(bytes));
        assert!(image::read(bytes).is_err());
    }
}

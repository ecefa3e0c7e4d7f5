//! Images that hold a seed.
//!
//! In: names and bytes. Out: an image, the same for the same input; and back. Absent on purpose: what the
//! files mean (`seed`), times of day, owners other than root.

pub mod cpio;
pub mod fat;
pub mod iso9660;

use crate::error::Error;

/// What an image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The volume's label.
    pub label: String,
    /// Path below the root and content of every file, sorted by path.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Joins a name that was read to the path above it, empty or ending in `/`.
///
/// # Errors
/// When it is no name: a reader must not be led to `..` or to another file.
fn join(above: &str, name: &str) -> Result<String, Error> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(Error::new(format!("the image is damaged: `{}` is no file's name", name.escape_debug())));
    }
    Ok(format!("{above}{name}"))
}

/// Tells whether bytes begin as an image of any kind we write.
#[must_use]
pub fn recognises(bytes: &[u8]) -> bool {
    iso9660::recognises(bytes) || cpio::recognises(bytes) || fat::recognises(bytes)
}

/// Reads an image of any kind we write.
///
/// # Errors
/// When it is no such image, or is damaged.
pub fn read(bytes: &[u8]) -> Result<Image, Error> {
    if iso9660::recognises(bytes) {
        iso9660::read(bytes)
    } else if cpio::recognises(bytes) {
        cpio::read(bytes)
    } else if fat::recognises(bytes) {
        fat::read(bytes)
    } else {
        Err(Error::new("it is neither text nor a seed image")
            .help("a seed image is an ISO 9660 or FAT volume, or a cpio archive"))
    }
}

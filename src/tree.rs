//! A tree of finished files: the one type between the formats, the deliveries and the disk.
//!
//! In: relative paths and bytes. Out: a sorted map that formats make, deliveries extend, `out` writes
//! and tests compare. Absent on purpose: the disk.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt;

use zeroize::Zeroizing;

/// A path below the root of a tree: never absolute, never empty, no `.` or `..` in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

impl RelPath {
    /// Makes a path out of text that the caller has composed of checked names.
    ///
    /// # Panics
    /// When the text is no relative path; that is a fault of the program, never of a user.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let sound =
            !text.is_empty() && text.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']));
        assert!(sound, "`{text}` is not a relative path");
        Self(text)
    }

    /// Returns the path with `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The finished files of one directory, sorted by path.
///
/// Every file of a tree is written with mode 0600: nearly all of them carry a credential, and
/// the few that do not are nobody else's business either. For the same reason their memory is wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<RelPath, Zeroizing<Vec<u8>>>);

impl Tree {
    /// Makes an empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    ///
    /// # Panics
    /// When the path is taken: two writers of one file are a fault of the program.
    pub fn add(&mut self, path: RelPath, bytes: impl Into<Vec<u8>>) {
        self.put(path, Zeroizing::new(bytes.into()));
    }

    fn put(&mut self, path: RelPath, bytes: Zeroizing<Vec<u8>>) {
        match self.0.entry(path) {
            Slot::Vacant(slot) => {
                slot.insert(bytes);
            }
            Slot::Occupied(slot) => panic!("`{}` is written twice", slot.key()),
        }
    }

    /// Adds every file of `other` below the directory `prefix`.
    pub fn graft(&mut self, prefix: &str, other: Self) {
        for (path, bytes) in other.0 {
            self.put(RelPath::new(format!("{prefix}/{path}")), bytes);
        }
    }

    /// Returns the bytes at `path`, if there is such a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(&RelPath(path.to_owned())).map(|bytes| bytes.as_slice())
    }

    /// Returns all files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path, bytes.as_slice()))
    }

    /// Returns the number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Tree {
    /// Lists paths and sizes: the contents are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(path, bytes)| (&path.0, bytes.len()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graft_moves_files_below_a_directory() {
        let mut seed = Tree::new();
        seed.add(RelPath::new("user-data"), "x");
        let mut all = Tree::new();
        all.graft("nodes/cp-1", seed);
        assert_eq!(all.get("nodes/cp-1/user-data"), Some(&b"x"[..]));
    }

    #[test]
    fn debug_shows_no_content() {
        let mut tree = Tree::new();
        tree.add(RelPath::new("a"), "hunter2");
        assert_eq!(format!("{tree:?}"), r#"{"a": 7}"#);
    }

    #[test]
    #[should_panic(expected = "not a relative path")]
    fn no_path_leaves_the_tree() {
        let _ = RelPath::new("a/../b");
    }
}

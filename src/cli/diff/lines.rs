//! The lines in which two texts differ.
//!
//! In: two texts. Out: the lines of the first that the second has not (`-`), and the other way round (`+`), in order. Absent on
//! purpose: context; where a line stands is said by the file it is in.

/// More pairs of lines than this are not compared one by one: memory would be the price of a better diff of a text that is new.
const MOST_PAIRS: usize = 16 << 20;

/// Lists the differing lines by a longest common subsequence.
pub fn differing<'t>(old: &'t str, new: &'t str) -> Vec<(char, &'t str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    if old.len() * new.len() > MOST_PAIRS {
        return old.iter().map(|line| ('-', *line)).chain(new.iter().map(|line| ('+', *line))).collect();
    }
    // common[i][j]: how many lines old[i..] and new[j..] have in common.
    let mut common = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut all = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            all.push(('-', old[i]));
            i += 1;
        } else {
            all.push(('+', new[j]));
            j += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_listed() {
        let cases = [
            ("", "", ""),
            ("a\nb\n", "a\nb\n", ""),
            ("a\n", "", "-a"),
            ("", "a\n", "+a"),
            ("a\nb\nc\n", "a\nx\nc\n", "-b+x"),
            ("a\nb\nc\nd\n", "b\nd\ne\n", "-a-c+e"),
            ("a\na\n", "a\na\na\n", "+a"),
        ];
        for (old, new, expected) in cases {
            let said: String = differing(old, new).iter().map(|(sign, line)| format!("{sign}{line}")).collect();
            assert_eq!(said, expected, "{old:?} {new:?}");
        }
        let long = |word: &str| (0..5000).map(|n| format!("{word} {n}\n")).collect::<String>();
        assert_eq!(differing(&long("a"), &long("b")).len(), 10_000);
    }
}

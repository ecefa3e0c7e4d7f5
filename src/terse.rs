//! Texts without what only people read: comments, blank lines, indentation.
//!
//! In: a POSIX shell script, or a file in which a line that begins with `#` is a comment. Out: a text that means the same.
//! Absent on purpose: what formats have otherwise (TOML's trailing comments, YAML), renaming, joining of lines, and any
//! change inside quotes and here-documents; a script that is not understood to its end stays as it is.
//!
//! Source: POSIX.1-2017, Shell Command Language, 2.2 (quoting), 2.3 (tokens), 2.6 (expansions), 2.7.4 (here-documents).

/// Takes comment lines and blank lines out of a file whose comments are whole lines: a systemd unit, sysctl.d,
/// modules-load.d, TOML without strings of several lines.
#[must_use]
pub fn lines(text: &str) -> String {
    let bare = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.trim_start().starts_with('#'));
    bare.fold(String::with_capacity(text.len()), |mut out, line| {
        out.push_str(line);
        out.push('\n');
        out
    })
}

/// Takes comments, blank lines and indentation out of a shell script; its first line stays when it names the interpreter.
#[must_use]
pub fn script(text: &str) -> String {
    Reader::new(text).read().unwrap_or_else(|| text.to_owned())
}

/// What surrounds a character, the innermost last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// Commands in `(…)`, `$(…)`; inside it, `case` statements that have not ended.
    Commands { cases: usize },
    /// `$((…))`, with the parentheses open in it.
    Arithmetic { open: usize },
    /// `${…}`.
    Parameter,
    /// `"…"`.
    Quotes,
}

/// A here-document that begins after the line.
struct HereDocument {
    end: String,
    /// `<<-`: the shell takes leading tabs away.
    tabs_go: bool,
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
    inside: Vec<Inside>,
    awaited: Vec<HereDocument>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let (first, rest) = text.split_once('\n').filter(|(first, _)| first.starts_with("#!")).unwrap_or(("", text));
        let mut out = String::with_capacity(text.len());
        if !first.is_empty() {
            out.push_str(first);
            out.push('\n');
        }
        Self { rest, out, inside: Vec::new(), awaited: Vec::new() }
    }

    fn read(mut self) -> Option<String> {
        self.begin_line();
        while let Some(next) = self.rest.chars().next() {
            match (self.inside.last().copied(), next) {
                (_, '\\') => self.escape(),
                (Some(Inside::Quotes), '"') => self.leave(),
                (Some(Inside::Parameter), '}') => self.leave(),
                (Some(Inside::Quotes), '\'') => self.take(1),
                // Whether it quotes depends on the operator.
                (Some(Inside::Parameter), '\'') if self.inside.contains(&Inside::Quotes) => return None,
                (_, '\'') => self.single_quotes()?,
                (_, '`') => self.backquotes()?,
                (_, '$') => self.expansion(),
                (_, '"') => self.enter(1, Inside::Quotes),
                (Some(Inside::Quotes | Inside::Parameter), _) => self.take(1),
                (Some(Inside::Arithmetic { open }), _) => self.arithmetic(open, next),
                (None | Some(Inside::Commands { .. }), _) => self.command(next)?,
            }
        }
        (self.inside.is_empty() && self.awaited.is_empty()).then_some(self.out)
    }

    /// One step among commands.
    fn command(&mut self, next: char) -> Option<()> {
        match next {
            '\n' => self.end_line()?,
            '#' if self.at_word() => self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]),
            '<' if self.rest.starts_with("<<<") => return None,
            '<' if self.rest.starts_with("<<") => self.await_here_document()?,
            '(' => self.enter(1, Inside::Commands { cases: 0 }),
            ')' => match self.inside.last() {
                Some(Inside::Commands { cases: 0 }) => self.leave(),
                // The end of a pattern.
                _ => self.take(1),
            },
            _ if self.at_word() && !next.is_whitespace() => self.word(),
            _ => self.take(1),
        }
        Some(())
    }

    /// The letters that begin a word; `case` and `esac` tell what a closing parenthesis means.
    fn word(&mut self) {
        let letters = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        if let Some(Inside::Commands { cases }) = self.inside.last_mut() {
            match &self.rest[..letters] {
                "case" => *cases += 1,
                "esac" => *cases = cases.saturating_sub(1),
                _ => {}
            }
        }
        self.take(letters.max(1));
    }

    fn arithmetic(&mut self, open: usize, next: char) {
        let depth = match next {
            '(' => open + 1,
            ')' if open > 0 => open - 1,
            ')' => {
                self.inside.pop();
                return self.take(2);
            }
            _ => open,
        };
        if let Some(Inside::Arithmetic { open }) = self.inside.last_mut() {
            *open = depth;
        }
        self.take(1);
    }

    fn expansion(&mut self) {
        if self.rest.starts_with("$((") {
            self.enter(3, Inside::Arithmetic { open: 0 });
        } else if self.rest.starts_with("$(") {
            self.enter(2, Inside::Commands { cases: 0 });
        } else if self.rest.starts_with("${") {
            self.enter(2, Inside::Parameter);
        } else {
            self.take(1);
        }
    }

    /// A character that a backslash takes the meaning from; among commands, a line that goes on loses its indentation.
    fn escape(&mut self) {
        let among_commands = matches!(self.inside.last(), None | Some(Inside::Commands { .. }));
        if among_commands && self.rest.starts_with("\\\n") {
            self.take(2);
            let bare = self.rest.trim_start_matches([' ', '\t']);
            // A blank before the backslash separates the words already.
            if bare.len() < self.rest.len() && !self.out[..self.out.len() - 2].ends_with([' ', '\t']) {
                self.out.push(' ');
            }
            self.rest = bare;
        } else {
            self.take(2);
        }
    }

    fn single_quotes(&mut self) -> Option<()> {
        let end = self.rest[1..].find('\'')?;
        self.take_bytes(end + 2);
        Some(())
    }

    fn backquotes(&mut self) -> Option<()> {
        let mut escaped = false;
        let end = self.rest[1..].find(|c| {
            let ends = c == '`' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        self.take_bytes(end + 2);
        Some(())
    }

    fn await_here_document(&mut self) -> Option<()> {
        self.take(2);
        let tabs_go = self.rest.starts_with('-');
        if tabs_go {
            self.take(1);
        }
        let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.take(blanks);
        let word = &self.rest[..self.rest.find(|c: char| c.is_whitespace() || ";&|()<>".contains(c)).unwrap_or(self.rest.len())];
        let end: String = word.chars().filter(|c| !"'\"\\".contains(*c)).collect();
        // A quoted end with blanks in it is legal, and nobody writes it.
        (!end.is_empty() && word.matches(['\'', '"']).count().is_multiple_of(2)).then_some(())?;
        self.take_bytes(word.len());
        self.awaited.push(HereDocument { end, tabs_go });
        Some(())
    }

    fn end_line(&mut self) -> Option<()> {
        self.rest = &self.rest[1..];
        self.end_output_line();
        for document in std::mem::take(&mut self.awaited) {
            loop {
                let (line, rest) = self.rest.split_once('\n')?;
                self.out.push_str(line);
                self.out.push('\n');
                self.rest = rest;
                if (if document.tabs_go { line.trim_start_matches('\t') } else { line }) == document.end {
                    break;
                }
            }
        }
        self.begin_line();
        Some(())
    }

    /// Blanks before the end of a line, and the end of a line with nothing on it, go; after a backslash both stay.
    fn end_output_line(&mut self) {
        let kept = self.out.trim_end_matches([' ', '\t']).len();
        if !self.out[..kept].ends_with('\\') {
            self.out.truncate(kept);
        }
        let goes_on = self.out.ends_with("\\\n");
        if goes_on || !(self.out.is_empty() || self.out.ends_with('\n')) {
            self.out.push('\n');
        }
    }

    fn begin_line(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Whether a word may begin here.
    fn at_word(&self) -> bool {
        self.out.is_empty() || self.out.ends_with(|c: char| c.is_whitespace() || ";&|()<>".contains(c))
    }

    fn enter(&mut self, length: usize, inside: Inside) {
        self.take(length);
        self.inside.push(inside);
    }

    fn leave(&mut self) {
        self.take(1);
        self.inside.pop();
    }

    fn take(&mut self, characters: usize) {
        let end = self.rest.char_indices().nth(characters).map_or(self.rest.len(), |(at, _)| at);
        self.take_bytes(end);
    }

    fn take_bytes(&mut self, end: usize) {
        self.out.push_str(&self.rest[..end]);
        self.rest = &self.rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_loses_what_only_people_read() {
        for (text, bare) in [
            ("#!/bin/sh\n# why\n\nset -u # strict\n\tif a; then\n\t\tb\n\tfi\n", "#!/bin/sh\nset -u\nif a; then\nb\nfi\n"),
            ("a='# no\n\n\tcomment'\n", "a='# no\n\n\tcomment'\n"),
            ("a=\"# no\n\tit's $(\n\tb # c\n) \"\n\tc\n", "a=\"# no\n\tit's $(\nb\n) \"\nc\n"),
            ("a $# ${#b} ${c#\"#\"} d#e \\# f # g\n", "a $# ${#b} ${c#\"#\"} d#e \\# f\n"),
            ("a=$((1 << 2)) # b\nc\n", "a=$((1 << 2))\nc\n"),
            ("a=$(( (1 + 2) * $((3)) ))\n\tb\n", "a=$(( (1 + 2) * $((3)) ))\nb\n"),
            ("a=$( (b) )\n", "a=$( (b) )\n"),
            ("cat <<E\n\t# kept\n\n\tE\nE\n\tb\n", "cat <<E\n\t# kept\n\n\tE\nE\nb\n"),
            ("cat <<-'E' <<\"F\" # c\n\ta\n\tE\n\tb'\nF\n\tc\n", "cat <<-'E' <<\"F\"\n\ta\n\tE\n\tb'\nF\nc\n"),
            ("x=$(cat <<E\n)'\nE\n\t)\n\ty\n", "x=$(cat <<E\n)'\nE\n)\ny\n"),
            ("case $a in # b\n\t\\# | '#') c ;;\nesac\n", "case $a in\n\\# | '#') c ;;\nesac\n"),
            ("a=$(case b in\n\tc) d ;;\n\t(e) (f) ;;\n\tesac)\n\tg\n", "a=$(case b in\nc) d ;;\n(e) (f) ;;\nesac)\ng\n"),
            ("a \\\n\t\tb |\n\tc\\\n\td\n", "a \\\nb |\nc\\\n d\n"),
            ("a \\\n\nb \\\n\t# c\nd \\\\\n\te\\ \n", "a \\\n\nb \\\n\nd \\\\\ne\\ \n"),
            ("a=`b # \\` c`\n\td\n", "a=`b # \\` c`\nd\n"),
            ("(\n\ta &&\n\t\tb\n)\n", "(\na &&\nb\n)\n"),
        ] {
            assert_eq!(script(text), bare, "{text}");
            assert_eq!(script(bare), bare, "what is bare stays");
        }
    }

    #[test]
    fn what_is_not_understood_stays() {
        for text in ["\ta '\n", "\ta \"\n", "\tcat <<E\n", "\ta <<<b\n", "\t(a\n", "\ta \"${b:-it's}\"\n", "\ta $(echo case)\n"] {
            assert_eq!(script(text), text);
        }
    }

    #[test]
    fn a_file_of_lines_loses_its_comments() {
        assert_eq!(lines("# a\n\n[Unit]\n  # b\nAfter=c # d\n"), "[Unit]\nAfter=c # d\n");
        assert_eq!(lines("# a\n"), "");
    }
}

//! A text under the encryption of age (age-encryption.org/v1), armoured, in memory alone.
//!
//! In: a text and for whom it is closed, or an encrypted file and what opens it. Out: the other. Absent on purpose: files
//! that are written (`store`), SSH keys, plugins, and identities that are encrypted themselves.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::str::FromStr;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, IdentityFile, scrypt, x25519};
use zeroize::Zeroizing;

use crate::error::{Doing, Error};
use crate::secret::Secret;

const ARMOUR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const BINARY: &[u8] = b"age-encryption.org/";

/// scrypt's work factor, as a power of two: what age's own tool takes; about a second and 256 MiB.
const WORK: u8 = 18;
/// More than this is refused, as by age's own tool: a file must not take the machine's memory.
const MOST_WORK: u8 = 22;

/// How a bundle's file is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Not at all: the file is plain text.
    None,
    /// To the holders of these public keys; an empty list is a file that was encrypted elsewhere and does not say to whom.
    Recipients(Vec<Recipient>),
    /// With a passphrase.
    Passphrase(Secret),
}

/// A public key of age, `age1…` (X25519).
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

impl FromStr for Recipient {
    type Err = String;

    /// # Errors
    /// When it is no X25519 recipient; the text is repeated only when it cannot be an identity.
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
                "that is an identity, the secret half; a recipient is its public half (`age-keygen -y FILE` prints it)".to_owned()
            } else {
                "it is not a recipient of age (`age1…`, an X25519 public key)".to_owned()
            }
        })
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What may open an encrypted file.
pub struct Keys<'k> {
    /// A file of age identities (`AGE-SECRET-KEY-1…`), as `age-keygen` writes it.
    pub identity: Option<&'k Path>,
    /// Asks a person for the passphrase of the file named.
    pub passphrase: &'k dyn Fn(&Path) -> Result<Secret, Error>,
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Tells whether a file begins as an encrypted one does.
pub fn is_sealed(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    start.starts_with(ARMOUR) || start.starts_with(BINARY)
}

/// Closes a text; plain text stays what it is.
///
/// # Errors
/// When the recipients are not known.
pub fn close(text: &str, seal: &Seal) -> Result<Zeroizing<Vec<u8>>, Error> {
    let encryptor = match seal {
        Seal::None => return Ok(Zeroizing::new(text.as_bytes().to_vec())),
        Seal::Recipients(recipients) if recipients.is_empty() => {
            return Err(Error::new("encrypting the bundle: it was encrypted elsewhere and does not say to whom")
                .help("`kubespore secrets encrypt --identity FILE --recipient age1… BUNDLE` says it once and for all"));
        }
        Seal::Recipients(recipients) => {
            Encryptor::with_recipients(recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient))
        }
        Seal::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(secret_string(passphrase));
            recipient.set_work_factor(WORK);
            Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        }
    };
    let doing = || "encrypting the bundle".to_owned();
    let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).doing(doing)?;
    let mut writer = encryptor.doing(doing)?.wrap_output(armour).doing(doing)?;
    writer.write_all(text.as_bytes()).doing(doing)?;
    writer.finish().and_then(ArmoredWriter::finish).doing(doing).map(Zeroizing::new)
}

/// Opens what lies in `path`; returns the text, and the passphrase where it was one that opened it.
///
/// # Errors
/// When nothing that is there opens it, or it is damaged.
pub fn open(path: &Path, sealed: &[u8], keys: &Keys<'_>) -> Result<(Zeroizing<String>, Option<Secret>), Error> {
    let shown = path.display();
    let refused = |fault: &str, help: &str| Error::new(format!("reading {shown}: {fault}")).help(help);
    let damaged = || refused("it is encrypted, and damaged or cut short", "restore the bundle from its backup");
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(|error| match error {
        DecryptError::UnknownFormat => refused("it is encrypted in a format of age that this program does not know", ""),
        _ => damaged(),
    })?;
    let (identities, passphrase) = if decryptor.is_scrypt() {
        let passphrase = (keys.passphrase)(path)?;
        let mut identity = scrypt::Identity::new(secret_string(&passphrase));
        identity.set_max_work_factor(MOST_WORK);
        (vec![Box::new(identity) as Box<dyn age::Identity>], Some(passphrase))
    } else {
        let file = keys.identity.ok_or_else(|| {
            refused("it is encrypted to age recipients", "name the file of an identity that opens it with `--identity FILE`")
        })?;
        (identities(file)?, None)
    };
    let opened = decryptor.decrypt(identities.iter().map(|identity| &**identity)).map_err(|error| match error {
        DecryptError::NoMatchingKeys => {
            let fault = match keys.identity {
                Some(file) => format!("it is encrypted, and no identity in {} opens it", file.display()),
                None => "it is encrypted, and nothing opens it".to_owned(),
            };
            refused(&fault, "name the identity of one of its recipients")
        }
        DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed if passphrase.is_some() => {
            refused("that passphrase does not open it", "")
        }
        DecryptError::ExcessiveWork { .. } => refused("its passphrase asks for more work than any bundle of ours", ""),
        _ => damaged(),
    })?;
    // A text is never longer than what it was encrypted to, so no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(sealed.len() + 1));
    { opened }.read_to_string(&mut text).map_err(|_| damaged())?;
    Ok((text, passphrase))
}

/// Reads a file of recipients: one a line; empty lines and those that begin with `#` say nothing.
///
/// # Errors
/// When it cannot be read, or a line is no recipient.
pub fn recipients(path: &Path) -> Result<Vec<Recipient>, Error> {
    let doing = || format!("reading {}", path.display());
    let text = Zeroizing::new(std::fs::read_to_string(path).doing(doing)?);
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| line.parse().doing(|| format!("{}, line {}", doing(), number + 1))).collect()
}

fn identities(path: &Path) -> Result<Vec<Box<dyn age::Identity>>, Error> {
    let doing = || format!("reading {}", path.display());
    let bytes = Zeroizing::new(std::fs::read(path).doing(doing)?);
    if is_sealed(&bytes) {
        return Err(Error::new(format!("{}: the identities are encrypted themselves", doing()))
            .help(format!("hand them over without a file: `--identity <(age -d {})`", path.display())));
    }
    let file = IdentityFile::from_buffer(bytes.as_slice()).doing(doing)?;
    let found = file.into_identities().doing(doing)?;
    if found.is_empty() {
        return Err(Error::new(format!("{}: there is no identity in it", doing())));
    }
    Ok(found.into_iter().map(|identity| identity as Box<dyn age::Identity>).collect())
}

/// A copy in age's own custody, which wipes it too; exactly as large, so that nothing is left behind by shrinking.
fn secret_string(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::PathBuf;

    use super::*;
    use crate::secrets::sample::Scratch;

    const TEXT: &str = "a secret of the cluster\n";

    /// A new identity in a file, and its recipient.
    fn pair(scratch: &Scratch, name: &str) -> (PathBuf, Recipient) {
        use age::secrecy::ExposeSecret;
        let identity = x25519::Identity::generate();
        let text = format!("# created: today\n\n{}\n", identity.to_string().expose_secret());
        (scratch.write(name, text), Recipient(identity.to_public()))
    }

    fn nobody(_: &Path) -> Result<Secret, Error> {
        Err(Error::new("nobody is there to ask"))
    }

    fn opened(sealed: &[u8], identity: Option<&Path>, passphrase: Option<&str>) -> Result<(String, bool), Error> {
        let typed = |_: &Path| passphrase.map_or_else(|| nobody(Path::new("")), |text| Ok(Secret::new(text)));
        let keys = Keys { identity, passphrase: &typed };
        open(Path::new("lab.secrets.yaml"), sealed, &keys).map(|(text, by)| (text.to_string(), by.is_some()))
    }

    #[test]
    fn every_recipient_opens_it_and_nobody_else_does() {
        let scratch = Scratch::new();
        let [(one, to_one), (two, to_two), (other, _)] = ["one", "two", "other"].map(|name| pair(&scratch, name));
        let sealed = close(TEXT, &Seal::Recipients(vec![to_one, to_two])).expect("recipients");
        assert!(is_sealed(&sealed) && sealed.ends_with(b"\n-----END AGE ENCRYPTED FILE-----\n"));
        for identity in [&one, &two] {
            assert_eq!(opened(&sealed, Some(identity), None).expect("its own"), (TEXT.to_owned(), false));
        }
        let error = opened(&sealed, Some(&other), None).expect_err("a stranger");
        assert!(error.what.contains("no identity in") && error.what.contains("other"), "{error}");
        let error = opened(&sealed, None, Some("x")).expect_err("no identity");
        assert!(error.help.contains("--identity FILE"), "{error}");
        let both =
            scratch.write("both", [std::fs::read(&other), std::fs::read(&one)].map(|text| text.expect("own file")).concat());
        opened(&sealed, Some(&both), None).expect("the second of the two");
    }

    #[test]
    fn a_passphrase_opens_it_and_no_other_does() {
        let sealed = close(TEXT, &Seal::Passphrase(Secret::new("correct horse"))).expect("a passphrase");
        assert_eq!(opened(&sealed, None, Some("correct horse")).expect("the same"), (TEXT.to_owned(), true));
        let error = opened(&sealed, None, Some("wrong horse")).expect_err("another");
        assert!(error.what.ends_with("that passphrase does not open it") && !error.to_string().contains("horse"), "{error}");
        assert_eq!(opened(&sealed, None, None).expect_err("nobody to ask").what, "nobody is there to ask");
    }

    #[test]
    fn nobody_is_asked_where_an_identity_opens_it() {
        let scratch = Scratch::new();
        let (identity, recipient) = pair(&scratch, "one");
        let sealed = close(TEXT, &Seal::Recipients(vec![recipient])).expect("recipients");
        let asked = Cell::new(false);
        let ask = |path: &Path| {
            asked.set(true);
            nobody(path)
        };
        open(Path::new("x"), &sealed, &Keys { identity: Some(&identity), passphrase: &ask }).expect("its own");
        assert!(!asked.get());
    }

    #[test]
    fn a_file_cut_short_or_changed_is_damaged_wherever() {
        let scratch = Scratch::new();
        let (identity, recipient) = pair(&scratch, "one");
        let sealed = close(&TEXT.repeat(50), &Seal::Recipients(vec![recipient])).expect("recipients");
        for length in (ARMOUR.len() + 1..sealed.len() - 1).step_by(7) {
            let error = opened(&sealed[..length], Some(&identity), None).expect_err("cut short");
            assert!(error.what.contains("damaged or cut short"), "{length}: {error}");
        }
        for at in (200..sealed.len() - 60).step_by(11).filter(|at| sealed[*at] != b'\n') {
            let mut changed = sealed.to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let error = opened(&changed, Some(&identity), None).expect_err("changed");
            assert!(error.what.starts_with("reading lab.secrets.yaml: it is encrypted"), "{at}: {error}");
        }
    }

    #[test]
    fn files_of_identities_and_recipients_are_read_strictly() {
        let scratch = Scratch::new();
        let (identity, recipient) = pair(&scratch, "one");
        let sealed = close(TEXT, &Seal::Recipients(vec![recipient.clone()])).expect("recipients");
        let secret = std::fs::read_to_string(&identity).expect("own file");
        let secret = secret.lines().last().expect("its line");
        for (text, said) in [
            (format!("{secret}x\n"), "non-identity data on line 1"),
            ("# nothing\n".to_owned(), "there is no identity in it"),
            (recipient.to_string(), "non-identity data on line 1"),
            (String::from_utf8(sealed.to_vec()).expect("armour"), "the identities are encrypted themselves"),
        ] {
            let error = opened(&sealed, Some(&scratch.write("damaged", text)), None).expect_err("not identities");
            assert!(error.what.contains(said) && !error.to_string().contains(secret), "{error}");
        }
        let list = scratch.write("list", format!("# ours\n\n{recipient}\n"));
        assert_eq!(recipients(&list).expect("sound"), std::slice::from_ref(&recipient));
        let error = recipients(&scratch.write("list", format!("{recipient}\n{secret}\n"))).expect_err("an identity");
        assert!(error.what.contains("line 2: that is an identity") && !error.what.contains(secret), "{error}");
        for text in ["", "age1", "ssh-ed25519 AAAA", "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk"] {
            assert!(text.parse::<Recipient>().is_err(), "{text}");
        }
    }

    #[test]
    fn whom_nobody_knows_is_asked_for_and_plain_text_stays_plain() {
        let error = close(TEXT, &Seal::Recipients(vec![])).expect_err("to nobody");
        assert!(error.help.contains("secrets encrypt"), "{error}");
        assert_eq!(close(TEXT, &Seal::None).expect("plain").as_slice(), TEXT.as_bytes());
        assert!(!is_sealed(TEXT.as_bytes()));
        let shown = format!("{:?} {:?}", Seal::Passphrase(Secret::new("hunter2")), Keys { identity: None, passphrase: &nobody });
        assert!(!shown.contains("hunter2"));
    }
}

//! Filter expressions, such as `tcp port 443 and not net 10.0.0.0/8`, compiled by libpcap where it is
//! installed. The product does not need it otherwise, so it is loaded when the first expression comes.
#![expect(unsafe_code, reason = "libpcap is a library in C, loaded at run time")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::sync::{Mutex, PoisonError};

use libloading::Library;

use super::sys::Step;

/// Names under which the library is found.
const NAMES: [&str; 3] = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"];
/// The kernel takes no longer program.
const STEPS_MAX: u32 = 4096;
/// Take so many bytes of the packet and end (`BPF_RET | BPF_K`).
const TAKE: u16 = 0x06;
/// The room that libpcap wants for the text of a fault (`PCAP_ERRBUF_SIZE`).
const FAULT_BYTES: usize = 256;
/// Addresses in an expression may need the mask of a network, which an interface is not asked for.
const MASK_UNKNOWN: c_uint = 0xFFFF_FFFF;

/// Which packets are taken, and how many bytes of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter(Vec<Step>);

/// Why an expression could not be compiled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The library is not there.
    #[error(
        "a filter expression needs libpcap, which is not installed: install the package libpcap0.8 \
         (Debian, Ubuntu: apt install libpcap0.8) or remove capture.filter"
    )]
    NoLibrary,
    /// The library is there and lacks what is needed.
    #[error("the installed libpcap cannot be used: {0}")]
    OddLibrary(String),
    /// The expression is wrong.
    #[error("capture.filter `{expression}` is no filter expression: {message}")]
    Expression {
        /// As configured.
        expression: String,
        /// What libpcap says.
        message: String,
    },
}

impl Filter {
    /// Takes every packet, so many bytes of it.
    pub(crate) fn everything(snap_bytes: u32) -> Self {
        Self(vec![Step { code: TAKE, jump_true: 0, jump_false: 0, value: snap_bytes }])
    }

    /// Takes no packet.
    pub(crate) fn nothing() -> Self {
        Self(vec![Step { code: TAKE, jump_true: 0, jump_false: 0, value: 0 }])
    }

    /// Takes the packets of an interface that the expression describes.
    ///
    /// Cards and the kernel take the tags of virtual networks out of packets before any filter sees
    /// them. Where the expression asks for tags, libpcap is shown the interface itself and makes a
    /// program that finds them where the kernel keeps them.
    pub(super) fn of_interface(
        expression: &str,
        interface: &str,
        link: u32,
        snap_bytes: u32,
    ) -> Result<Self, FilterError> {
        let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric());
        let asks_for_tags = words.into_iter().any(|word| word == "vlan");
        let interface = asks_for_tags.then(|| CString::new(interface).ok()).flatten();
        Self::compile_for(expression, interface.as_deref(), link, snap_bytes)
    }

    /// The same without an interface; `link` is the link layer's number in pcap files.
    #[cfg(test)]
    pub(crate) fn compile(
        expression: &str,
        link: u32,
        snap_bytes: u32,
    ) -> Result<Self, FilterError> {
        Self::compile_for(expression, None, link, snap_bytes)
    }

    fn compile_for(
        expression: &str,
        interface: Option<&CStr>,
        link: u32,
        snap_bytes: u32,
    ) -> Result<Self, FilterError> {
        if expression.trim().is_empty() {
            return Ok(Self::everything(snap_bytes));
        }
        let wrong = |message: &str| FilterError::Expression {
            expression: expression.to_owned(),
            message: message.to_owned(),
        };
        let text = CString::new(expression).map_err(|_| wrong("it holds a zero byte"))?;
        let snap = c_int::try_from(snap_bytes).unwrap_or(c_int::MAX);
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let library = Pcap::load()?;
        let link = c_int::try_from(link).unwrap_or(0);
        library.compile(&text, interface, link, snap).map(Self).map_err(|error| match error {
            Failed::Wrong(message) => wrong(&message),
            Failed::Odd(message) => FilterError::OddLibrary(message),
        })
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// Older versions of the library keep the state of their parser in global variables.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    value: u32,
}

/// `struct bpf_program`.
#[repr(C)]
struct Program {
    length: c_uint,
    instructions: *mut Instruction,
}

/// `pcap_t`, of which only the library knows the inside.
enum Handle {}

/// The calls of libpcap that are used; their addresses are those of the library beside them.
struct Pcap {
    open_dead: unsafe extern "C" fn(c_int, c_int) -> *mut Handle,
    create: unsafe extern "C" fn(*const c_char, *mut c_char) -> *mut Handle,
    set_snaplen: unsafe extern "C" fn(*mut Handle, c_int) -> c_int,
    activate: unsafe extern "C" fn(*mut Handle) -> c_int,
    datalink: unsafe extern "C" fn(*mut Handle) -> c_int,
    compile: unsafe extern "C" fn(*mut Handle, *mut Program, *const c_char, c_int, c_uint) -> c_int,
    geterr: unsafe extern "C" fn(*mut Handle) -> *mut c_char,
    freecode: unsafe extern "C" fn(*mut Program),
    close: unsafe extern "C" fn(*mut Handle),
    _library: Library,
}

enum Failed {
    Wrong(String),
    Odd(String),
}

impl Pcap {
    fn load() -> Result<Self, FilterError> {
        // SAFETY: loading runs the library's own initialisation; libpcap's has no conditions.
        let library = NAMES.iter().find_map(|name| unsafe { Library::new(*name) }.ok());
        let library = library.ok_or(FilterError::NoLibrary)?;
        let odd = |error: libloading::Error| FilterError::OddLibrary(error.to_string());
        // SAFETY: the signatures are those that pcap.h has given these names since version 1.0, and
        // `_library` keeps the code where it is for as long as the addresses are.
        unsafe {
            Ok(Self {
                open_dead: *library.get(b"pcap_open_dead\0").map_err(odd)?,
                create: *library.get(b"pcap_create\0").map_err(odd)?,
                set_snaplen: *library.get(b"pcap_set_snaplen\0").map_err(odd)?,
                activate: *library.get(b"pcap_activate\0").map_err(odd)?,
                datalink: *library.get(b"pcap_datalink\0").map_err(odd)?,
                compile: *library.get(b"pcap_compile\0").map_err(odd)?,
                geterr: *library.get(b"pcap_geterr\0").map_err(odd)?,
                freecode: *library.get(b"pcap_freecode\0").map_err(odd)?,
                close: *library.get(b"pcap_close\0").map_err(odd)?,
                _library: library,
            })
        }
    }

    /// Opens an interface as libpcap itself would capture on it; nothing where that does not succeed or
    /// its packets begin otherwise than ours.
    fn open_live(&self, interface: &CStr, link: c_int, snap: c_int) -> Option<*mut Handle> {
        let mut fault = [0; FAULT_BYTES];
        // SAFETY: the name ends with a zero byte, and the other text has the room that pcap.h names.
        let handle = unsafe { (self.create)(interface.as_ptr(), fault.as_mut_ptr()) };
        if handle.is_null() {
            return None;
        }
        // SAFETY: the handle was just made; it is activated once, and asked only where that succeeded.
        let fits = unsafe {
            (self.set_snaplen)(handle, snap) == 0
                && (self.activate)(handle) >= 0
                && (self.datalink)(handle) == link
        };
        if fits {
            return Some(handle);
        }
        // SAFETY: the handle is open, and not used again.
        unsafe { (self.close)(handle) };
        None
    }

    fn compile(
        &self,
        text: &CStr,
        interface: Option<&CStr>,
        link: c_int,
        snap: c_int,
    ) -> Result<Vec<Step>, Failed> {
        let live = interface.and_then(|interface| self.open_live(interface, link, snap));
        // SAFETY: the call takes numbers alone; what it gives is checked.
        let handle = live.unwrap_or_else(|| unsafe { (self.open_dead)(link, snap) });
        if handle.is_null() {
            return Err(Failed::Odd("it gives no handle".to_owned()));
        }
        let mut program = Program { length: 0, instructions: std::ptr::null_mut() };
        // SAFETY: the handle is open, the program is ours, the text ends with a zero byte.
        let outcome =
            unsafe { (self.compile)(handle, &raw mut program, text.as_ptr(), 1, MASK_UNKNOWN) };
        let steps = if outcome == 0 {
            // SAFETY: the call has succeeded, so the program is whole and not yet freed.
            let steps = unsafe { steps_of(&program) };
            // SAFETY: the program came of this library and is freed once.
            unsafe { (self.freecode)(&raw mut program) };
            steps.ok_or_else(|| Failed::Wrong("it makes too long a program".to_owned()))
        } else {
            // SAFETY: the handle is open; the text it gives is its own, ends with a zero byte, and is
            // copied before the handle is closed.
            let message = unsafe { CStr::from_ptr((self.geterr)(handle)) };
            Err(Failed::Wrong(message.to_string_lossy().into_owned()))
        };
        // SAFETY: the handle is open, and not used again.
        unsafe { (self.close)(handle) };
        steps
    }
}

/// Copies a program.
///
/// # Safety
///
/// `program` must be what `pcap_compile` has filled, and not be freed yet.
unsafe fn steps_of(program: &Program) -> Option<Vec<Step>> {
    if program.instructions.is_null() || program.length == 0 || program.length > STEPS_MAX {
        return None;
    }
    let length = usize::try_from(program.length).ok()?;
    // SAFETY: by the caller's word there are `length` instructions at the address, which is not null.
    let instructions = unsafe { std::slice::from_raw_parts(program.instructions, length) };
    let step = |from: &Instruction| Step {
        code: from.code,
        jump_true: from.jump_true,
        jump_false: from.jump_false,
        value: from.value,
    };
    Some(instructions.iter().map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_expression_takes_everything() {
        assert_eq!(Filter::compile(" ", 1, 96), Ok(Filter::everything(96)));
        assert_eq!(Filter::everything(96).steps().len(), 1);
    }

    #[test]
    fn an_expression_becomes_a_program_and_a_wrong_one_is_told() {
        match Filter::compile("tcp port 443", 1, 128) {
            Err(FilterError::NoLibrary) => eprintln!("skipped: libpcap is not installed"),
            Err(other) => panic!("{other}"),
            Ok(filter) => {
                // It ends by taking the snap length or nothing.
                let last: Vec<u32> = filter
                    .0
                    .iter()
                    .filter(|step| step.code == TAKE)
                    .map(|step| step.value)
                    .collect();
                assert_eq!(last, [128, 0]);
                let wrong = Filter::compile("tcp prot 443", 1, 128).unwrap_err().to_string();
                assert!(wrong.contains("`tcp prot 443` is no filter expression"), "{wrong}");
            }
        }
    }
}

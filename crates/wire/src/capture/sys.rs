//! The calls of the system that the packet ring needs, each wrapped so that its callers are safe.
//!
//! This is the product's only place, besides the binding of libpcap, that holds `unsafe`.
#![expect(
    unsafe_code,
    reason = "packet sockets and their shared memory have no safe interface here"
)]

use std::ffi::{CString, c_int, c_uint, c_void};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A packet socket of its own, without a protocol: it receives nothing before it is bound.
pub(super) fn packet_socket() -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers alone.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets an option of the socket. `T` must be what the kernel takes for it, a plain struct of numbers.
fn set<T: Copy>(socket: &impl AsRawFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let pointer: *const T = value;
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let outcome = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, pointer.cast::<c_void>(), length)
    };
    checked(outcome)
}

/// Gets an option of the socket into `value`, which is left as it was where the kernel gives less.
fn get<T: Copy>(socket: &impl AsRawFd, level: c_int, option: c_int, mut value: T) -> io::Result<T> {
    let mut length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let pointer: *mut T = &raw mut value;
    // SAFETY: the pointer and the length describe `value`; the callers take plain numbers, of which
    // every pattern of bits is a value.
    let outcome = unsafe {
        let fd = socket.as_raw_fd();
        libc::getsockopt(fd, level, option, pointer.cast::<c_void>(), &raw mut length)
    };
    checked(outcome).map(|()| value)
}

/// Sets an option of packet sockets that is a number.
pub(super) fn set_packet(socket: &OwnedFd, option: c_int, value: c_int) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, option, &value)
}

/// Gets an option of packet sockets that is a number.
pub(super) fn get_packet(socket: &OwnedFd, option: c_int) -> io::Result<c_int> {
    get(socket, libc::SOL_PACKET, option, 0)
}

/// Asks for a ring.
pub(super) fn set_ring(socket: &OwnedFd, request: &libc::tpacket_req3) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, request)
}

/// Asks that the interface also hand on what is addressed to others.
pub(super) fn set_promiscuous(socket: &OwnedFd, index: c_uint) -> io::Result<()> {
    let wanted = libc::packet_mreq {
        mr_ifindex: c_int::try_from(index).map_err(io::Error::other)?,
        mr_type: libc::c_ushort::try_from(libc::PACKET_MR_PROMISC).map_err(io::Error::other)?,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &wanted)
}

/// Gives what the kernel counted since it was asked last: packets taken (dropped ones among them),
/// packets dropped, and how often the ring was full.
pub(super) fn statistics(socket: &OwnedFd) -> io::Result<libc::tpacket_stats_v3> {
    let none = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
    get(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, none)
}

/// Gives the fault that the socket has kept, such as that its interface went down.
pub(super) fn fault_of(socket: &OwnedFd) -> Option<io::Error> {
    let code = get(socket, libc::SOL_SOCKET, libc::SO_ERROR, 0).ok()?;
    (code != 0).then(|| io::Error::from_raw_os_error(code))
}

/// Gives how many datagrams found no room in a socket's buffer since it was made.
pub(crate) fn datagrams_dropped(socket: &impl AsRawFd) -> Option<u32> {
    /// What the kernel tells of a socket's memory, number by number; the drops come last.
    type Told = [u32; 9];
    let told: Told = get(socket, libc::SOL_SOCKET, libc::SO_MEMINFO, [0; 9]).ok()?;
    told.last().copied()
}

/// One step of a filter, as the kernel runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) code: u16,
    pub(super) jump_true: u8,
    pub(super) jump_false: u8,
    pub(super) value: u32,
}

/// Attaches a filter; the kernel checks it once more.
pub(super) fn attach_filter(socket: &OwnedFd, steps: &[Step]) -> io::Result<()> {
    let mut program: Vec<libc::sock_filter> = steps
        .iter()
        .map(|step| libc::sock_filter {
            code: step.code,
            jt: step.jump_true,
            jf: step.jump_false,
            k: step.value,
        })
        .collect();
    let length = libc::c_ushort::try_from(program.len()).map_err(io::Error::other)?;
    let wanted = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // The kernel copies the program during the call; `program` lives until its end.
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &wanted)
}

/// Begins to receive every protocol of one interface.
pub(super) fn bind(socket: &OwnedFd, index: c_uint) -> io::Result<()> {
    let all = u16::try_from(libc::ETH_P_ALL).map_err(io::Error::other)?;
    let address = libc::sockaddr_ll {
        sll_family: libc::sa_family_t::try_from(libc::AF_PACKET).map_err(io::Error::other)?,
        sll_protocol: all.to_be(),
        sll_ifindex: c_int::try_from(index).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address)).map_err(io::Error::other)?;
    let pointer: *const libc::sockaddr_ll = &raw const address;
    // SAFETY: the pointer and the length describe `address`, which outlives the call.
    checked(unsafe { libc::bind(socket.as_raw_fd(), pointer.cast::<libc::sockaddr>(), length) })
}

/// Waits until the socket has something to tell, which may be a fault; gives whether it has.
pub(super) fn wait(socket: &OwnedFd, time: Duration) -> io::Result<bool> {
    let millis = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
    let mut asked = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the pointer is that of one `pollfd`, and one is what the count says.
    let ready = unsafe { libc::poll(&raw mut asked, 1, millis) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(false) } else { Err(error) };
    }
    Ok(ready > 0)
}

/// Gives the number of an interface, or none where there is no such interface.
pub(super) fn interface_index(name: &str) -> Option<c_uint> {
    let name = CString::new(name).ok()?;
    // SAFETY: the pointer is that of a text that ends with a zero byte and outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Gives the kind of an interface's link layer (`ARPHRD_…`).
pub(super) fn hardware(socket: &OwnedFd, name: &str) -> io::Result<u16> {
    let told = ask(socket, name, libc::SIOCGIFHWADDR)?;
    // SAFETY: the request has filled this member of the union.
    Ok(unsafe { told.ifr_ifru.ifru_hwaddr }.sa_family)
}

/// Tells whether an interface is switched on.
pub(super) fn is_up(socket: &OwnedFd, name: &str) -> io::Result<bool> {
    let told = ask(socket, name, libc::SIOCGIFFLAGS)?;
    // SAFETY: the request has filled this member of the union.
    let flags = unsafe { told.ifr_ifru.ifru_flags };
    Ok(c_int::from(flags) & libc::IFF_UP != 0)
}

/// Asks for something about an interface.
fn ask(socket: &OwnedFd, name: &str, request: libc::Ioctl) -> io::Result<libc::ifreq> {
    // SAFETY: the struct holds numbers and a union of such; all zeros is a value of it.
    let mut told: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero, so that the name always ends.
    let places = told.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    for (place, byte) in places.zip(name.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    // SAFETY: the pointer is that of a whole `ifreq`, which these requests read and write.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), request, &raw mut told) })?;
    Ok(told)
}

fn checked(outcome: c_int) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Memory that the kernel writes packets into, in blocks that belong to one side at a time.
#[derive(Debug)]
pub(super) struct Shared {
    start: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and `Shared` is its only handle.
unsafe impl Send for Shared {}

/// Where the word stands that tells whose block it is.
const STATUS_OFFSET: usize = std::mem::offset_of!(libc::tpacket_block_desc, hdr)
    + std::mem::offset_of!(libc::tpacket_hdr_v1, block_status);

impl Shared {
    /// Maps the ring of a socket, of as many blocks as were asked for.
    pub(super) fn map(socket: &OwnedFd, block_bytes: usize, blocks: usize) -> io::Result<Self> {
        if block_bytes < size_of::<libc::tpacket_block_desc>() || blocks == 0 {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let length = block_bytes.checked_mul(blocks).ok_or(io::ErrorKind::InvalidInput)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping at a place that the kernel chooses touches no memory of ours.
        let start = unsafe {
            let fd = socket.as_raw_fd();
            libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, fd, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, block_bytes, blocks })
    }

    /// Gives how many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Gives the bytes of a block where it is ours, from its first to its last.
    pub(super) fn block(&mut self, number: usize) -> Option<&mut [u8]> {
        let status = self.status(number)?.load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let offset = number.checked_mul(self.block_bytes)?;
        // SAFETY: `status` has checked that the block lies inside of the mapping. The kernel does not
        // write into a block that is the user's until `give_back`, which needs the same `&mut self`
        // that this slice borrows, so nothing else changes these bytes while the slice lives.
        Some(unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr().add(offset), self.block_bytes)
        })
    }

    /// Gives a block back to the kernel.
    pub(super) fn give_back(&mut self, number: usize) {
        if let Some(status) = self.status(number) {
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, number: usize) -> Option<&AtomicU32> {
        if number >= self.blocks {
            return None;
        }
        let offset = number.checked_mul(self.block_bytes)?.checked_add(STATUS_OFFSET)?;
        // SAFETY: the word lies inside of block `number`, which is inside of the mapping; blocks are
        // whole pages, so the word is aligned; both sides read and write it whole.
        #[expect(clippy::cast_ptr_alignment, reason = "see above")]
        Some(unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset).cast::<u32>()) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let length = self.block_bytes.saturating_mul(self.blocks);
        // SAFETY: exactly what `map` mapped, and no borrow of it can outlive `self`.
        unsafe {
            libc::munmap(self.start.as_ptr().cast::<c_void>(), length);
        }
    }
}

/// Enters the network namespace of this file, with the calling thread alone.
#[cfg(test)]
pub(crate) fn enter_network(namespace: &std::fs::File) -> io::Result<()> {
    // SAFETY: the call takes a descriptor, which is open, and a number.
    checked(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) })
}

/// Takes all rights of the superuser from the calling thread.
#[cfg(test)]
pub(crate) fn give_up_rights() -> io::Result<()> {
    // `capset` with a header of its third version, for this thread, and empty sets.
    let header: [u32; 2] = [0x2008_0522, 0];
    let sets = [0_u32; 6];
    // SAFETY: both pointers are those of structs as the call wants them, which outlive it.
    let outcome = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    checked(c_int::try_from(outcome).unwrap_or(-1))
}

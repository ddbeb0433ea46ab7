// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package raw gives tests the system calls that package syscall lacks, with
// typed arguments. Names are the kernel's.
package raw

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// The number exists on riscv only.
const sysCacheFlush = 259 // riscv_flush_icache, arch/riscv/include/uapi/asm/unistd.h

func call(nr uintptr, a ...uintptr) (uintptr, error) {
	var args [6]uintptr
	copy(args[:], a)
	r, _, e := syscall.Syscall6(nr, args[0], args[1], args[2], args[3], args[4], args[5])
	if e != 0 {
		return r, e
	}
	return r, nil
}

// Futex operations, include/uapi/linux/futex.h.
const (
	FutexWait       = 0
	FutexWake       = 1
	FutexRequeue    = 3
	FutexCmpRequeue = 4
	FutexWakeOp     = 5
	FutexLockPI     = 6
	FutexUnlockPI   = 7
	FutexWaitBitset = 9
	FutexWakeBitset = 10
)

// Address returns the address of a word, to compare it with what the kernel
// shows.
func Address(p *uint32) uintptr { return uintptr(unsafe.Pointer(p)) }

// Futex is the plain call with a relative timeout; zero means none.
func Futex(addr *uint32, op, val uint32, timeout time.Duration) (int, error) {
	var ts *syscall.Timespec
	if timeout != 0 {
		t := syscall.NsecToTimespec(int64(timeout))
		ts = &t
	}
	r, _, e := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), uintptr(op), uintptr(val), uintptr(unsafe.Pointer(ts)), 0, 0)
	return result(r, e)
}

// Futex2 is the call with a second address and a third value; val2 takes the
// place of the timeout.
func Futex2(addr *uint32, op, val, val2 uint32, addr2 *uint32, val3 uint32) (int, error) {
	r, _, e := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), uintptr(op), uintptr(val), uintptr(val2), uintptr(unsafe.Pointer(addr2)), uintptr(val3))
	return result(r, e)
}

func result(r uintptr, e syscall.Errno) (int, error) {
	if e != 0 {
		return 0, e
	}
	return int(r), nil
}

// SigProcMask changes the thread's signal mask and returns the old one. How
// is 0 to block, 1 to unblock, 2 to set.
func SigProcMask(how int, set uint64) (old uint64, err error) {
	_, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	if e != 0 {
		return 0, e
	}
	return old, nil
}

// SigPending returns the thread's pending signals.
func SigPending() (set uint64, err error) {
	_, _, e := syscall.RawSyscall(syscall.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&set)), 8, 0)
	if e != 0 {
		return 0, e
	}
	return set, nil
}

// SigInfo is what the tests read of siginfo_t for queued signals,
// include/uapi/asm-generic/siginfo.h.
type SigInfo struct {
	Signo, Errno, Code int32
	_                  int32
	Pid, Uid           int32
	Value              int64
	_                  [96]byte
}

// SigTimedWait takes a pending signal of set.
func SigTimedWait(set uint64, timeout time.Duration) (SigInfo, error) {
	var info SigInfo
	ts := syscall.NsecToTimespec(int64(timeout))
	_, _, e := syscall.Syscall6(syscall.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&ts)), 8, 0, 0)
	if e != 0 {
		return info, e
	}
	return info, nil
}

// SigQueue sends a signal with a value to one thread of this process.
func SigQueue(tid int, sig syscall.Signal, value int64) error {
	const siQueue = -1
	info := SigInfo{Signo: int32(sig), Code: siQueue, Pid: int32(os.Getpid()), Value: value}
	_, _, e := syscall.Syscall6(syscall.SYS_RT_TGSIGQUEUEINFO, uintptr(os.Getpid()), uintptr(tid), uintptr(sig), uintptr(unsafe.Pointer(&info)), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// Stack is stack_t.
type Stack struct {
	Base  uintptr
	Flags int32
	_     int32
	Size  uintptr
}

// SigAltStack returns the thread's alternate signal stack.
func SigAltStack() (s Stack, err error) {
	_, _, e := syscall.RawSyscall(syscall.SYS_SIGALTSTACK, 0, uintptr(unsafe.Pointer(&s)), 0)
	if e != 0 {
		return s, e
	}
	return s, nil
}

// Itimerval is struct itimerval.
type Itimerval struct{ Interval, Value syscall.Timeval }

// SetITimer arms one of the process's timers: 0 real, 1 virtual, 2 profiling.
func SetITimer(which int, v Itimerval) error {
	_, _, e := syscall.Syscall(syscall.SYS_SETITIMER, uintptr(which), uintptr(unsafe.Pointer(&v)), 0)
	if e != 0 {
		return e
	}
	return nil
}

// Clocks, include/uapi/linux/time.h.
const (
	ClockRealtime  = 0
	ClockMonotonic = 1
	ClockProcess   = 2
	ClockThread    = 3
	ClockRaw       = 4
	ClockBoot      = 7
)

// ClockGettime returns a clock's reading in nanoseconds, from the kernel and
// not from the vDSO.
func ClockGettime(clock int) (int64, error) {
	var ts syscall.Timespec
	_, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0)
	if e != 0 {
		return 0, e
	}
	return ts.Nano(), nil
}

// ClockNanosleep sleeps until an absolute reading of a clock.
func ClockNanosleep(clock int, until int64) error {
	ts := syscall.NsecToTimespec(until)
	const absolute = 1
	_, _, e := syscall.Syscall6(syscall.SYS_CLOCK_NANOSLEEP, uintptr(clock), absolute, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// Itimerspec is struct itimerspec.
type Itimerspec struct{ Interval, Value syscall.Timespec }

// TimerFD returns an armed, blocking timerfd on the monotonic clock.
func TimerFD(first, interval time.Duration) (*os.File, error) {
	fd, err := call(syscall.SYS_TIMERFD_CREATE, ClockMonotonic, syscall.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	spec := Itimerspec{Interval: syscall.NsecToTimespec(int64(interval)), Value: syscall.NsecToTimespec(int64(first))}
	_, _, e := syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if e != 0 {
		syscall.Close(int(fd))
		return nil, e
	}
	return os.NewFile(fd, "timerfd"), nil
}

// EventFD returns a blocking eventfd.
func EventFD(initial uint32) (*os.File, error) {
	fd, err := call(syscall.SYS_EVENTFD2, uintptr(initial), syscall.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(fd, "eventfd"), nil
}

// MemFD returns an anonymous file.
func MemFD(name string) (*os.File, error) {
	b, err := syscall.BytePtrFromString(name)
	if err != nil {
		return nil, err
	}
	const cloexec = 1
	fd, _, e := syscall.Syscall(sysMemfdCreate, uintptr(unsafe.Pointer(b)), cloexec, 0)
	if e != 0 {
		return nil, e
	}
	return os.NewFile(fd, name), nil
}

// Mapping is memory mapped by Map. It is not the Go heap's: faults in it are
// the test's subject.
type Mapping struct{ Addr, Size uintptr }

// Map is mmap. File may be nil for anonymous memory.
func Map(addr, size uintptr, prot, flags int, file *os.File, offset int64) (Mapping, error) {
	fd := ^uintptr(0)
	if file != nil {
		fd = file.Fd()
	} else {
		flags |= syscall.MAP_ANON
	}
	a, err := call(syscall.SYS_MMAP, addr, size, uintptr(prot), uintptr(flags), fd, uintptr(offset))
	return Mapping{a, size}, err
}

// Unmap is munmap of part of m.
func (m Mapping) Unmap(offset, size uintptr) error {
	_, err := call(syscall.SYS_MUNMAP, m.Addr+offset, size)
	return err
}

// Protect is mprotect of part of m.
func (m Mapping) Protect(offset, size uintptr, prot int) error {
	_, err := call(syscall.SYS_MPROTECT, m.Addr+offset, size, uintptr(prot))
	return err
}

// Advise is madvise of part of m.
func (m Mapping) Advise(offset, size uintptr, advice int) error {
	_, err := call(syscall.SYS_MADVISE, m.Addr+offset, size, uintptr(advice))
	return err
}

// Remap is mremap that may move the mapping.
func (m Mapping) Remap(size uintptr) (Mapping, error) {
	const mayMove = 1
	a, err := call(syscall.SYS_MREMAP, m.Addr, m.Size, size, mayMove)
	return Mapping{a, size}, err
}

// Sync is msync(MS_SYNC).
func (m Mapping) Sync() error {
	_, err := call(syscall.SYS_MSYNC, m.Addr, m.Size, syscall.MS_SYNC)
	return err
}

// Bytes is the mapping as a slice; touching it may fault.
func (m Mapping) Bytes() []byte {
	return unsafe.Slice((*byte)(pointer(m.Addr)), m.Size)
}

// Words is the mapping as 32-bit words.
func (m Mapping) Words() []uint32 {
	return unsafe.Slice((*uint32)(pointer(m.Addr)), m.Size/4)
}

// Word64 returns the 64-bit word at any byte offset of m, aligned or not.
func (m Mapping) Word64(offset uintptr) *uint64 {
	return (*uint64)(pointer(m.Addr + offset))
}

// Word32 returns the 32-bit word at any byte offset of m.
func (m Mapping) Word32(offset uintptr) *uint32 {
	return (*uint32)(pointer(m.Addr + offset))
}

// Word16 returns the 16-bit word at any byte offset of m.
func (m Mapping) Word16(offset uintptr) *uint16 {
	return (*uint16)(pointer(m.Addr + offset))
}

// pointer turns the address of memory outside the Go heap into a pointer.
func pointer(addr uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&addr))
}

// FlushICache is riscv_flush_icache for all harts (flags 0).
func FlushICache(start, end uintptr) error {
	_, err := call(sysCacheFlush, start, end, 0)
	return err
}

// HWProbePair is struct riscv_hwprobe, arch/riscv/include/uapi/asm/hwprobe.h.
type HWProbePair struct {
	Key   int64
	Value uint64
}

// HWProbe is riscv_hwprobe over all harts.
func HWProbe(pairs []HWProbePair) error {
	const nr = 258
	_, _, e := syscall.Syscall6(nr, uintptr(unsafe.Pointer(&pairs[0])), uintptr(len(pairs)), 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// CPUSet is a mask of up to 64 harts.
type CPUSet uint64

// SchedGetAffinity returns the harts on which the calling thread may run.
func SchedGetAffinity() (set CPUSet, err error) {
	var mask [16]uint64
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if e != 0 {
		return 0, e
	}
	return CPUSet(mask[0]), nil
}

// SchedSetAffinity binds the calling thread.
func SchedSetAffinity(set CPUSet) error {
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8, uintptr(unsafe.Pointer(&set)))
	if e != 0 {
		return e
	}
	return nil
}

// GetCPU returns the hart the caller runs on.
func GetCPU() (int, error) {
	var cpu uint32
	_, _, e := syscall.RawSyscall(sysGetCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(cpu), nil
}

// Prctl is prctl with one argument.
func Prctl(option, arg uintptr) error {
	_, err := call(syscall.SYS_PRCTL, option, arg)
	return err
}

// TgKill sends a signal to one thread of this process.
func TgKill(tid int, sig syscall.Signal) error {
	_, err := call(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(tid), uintptr(sig))
	return err
}

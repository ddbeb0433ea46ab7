// SPDX-License-Identifier: Apache-2.0

// Package emu is the machine: it wires harts, memory, bus and devices together,
// loads what is to run, and runs it in virtual time.
//
// One goroutine owns a machine: the one that calls Run. Everything from outside
// (console input, a debugger, another goroutine's wish to stop) reaches it through
// Post.
package emu

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"vdev/dmabuf"
	"vdev/emu/bufshare"
	"vdev/emu/dmasan"
	"vdev/emu/fdt"
	"vdev/emu/linux"
	"vdev/emu/loader"
	"vdev/emu/mem"
	"vdev/emu/riscv"
	"vdev/emu/sbi"
	"vdev/emu/strace"
	"vdev/emu/symbols"
	"vdev/iommu"
	"vdev/mmio"
	"vdev/mmio/aclint"
	"vdev/mmio/fimd"
	"vdev/mmio/htif"
	"vdev/mmio/plic"
	"vdev/mmio/syscon"
	"vdev/mmio/uart"
	"vdev/mmio/virtio"
)

// Limits of a machine.
const (
	MaxHarts  = 8
	MinMemory = 1 << 20
	MaxMemory = 64 << 30
)

// AgentPort is the name of the virtio-console port that belongs to the guest's
// agent.
const AgentPort = "vdev.agent"

// epoch is what the real-time clock shows at power-on: the same in every run.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// FirmwareMode says what runs in M-mode.
type FirmwareMode uint8

// The firmware modes.
const (
	FirmwareBuiltin FirmwareMode = iota // the machine answers SBI calls itself
	FirmwareFile                        // Config.Firmware runs in M-mode
	FirmwareNone                        // the kernel itself starts in M-mode
)

// File is the contents of a file and the name to use for it in messages.
type File struct {
	Name string
	Data []byte
}

// Config describes a machine and what it boots.
type Config struct {
	Memory uint64 // bytes of RAM, a multiple of 4 KiB
	Harts  int    // 1 to MaxHarts
	Seed   uint64 // of the entropy source

	FirmwareMode FirmwareMode
	Firmware     *File // with FirmwareFile
	Kernel       *File
	Initrd       *File
	Append       string // kernel command line

	Disk   virtio.Backend // a virtio block device; nil for none
	DiskID string

	Cache  mem.CacheConfig
	Report ReportConfig
	Trace  TraceConfig
	// Sync is what devices do about the locks of shared buffers.
	Sync dmabuf.Mode
	// Tickets says who backs off when two want the locks of each other's buffers.
	Tickets dmabuf.Tickets
	Ports   Ports // how the bus masters are wired
	IOMMU   IOMMUScope
	Panel   Panel // the display's; the zero value is DefaultPanel
	// BufferPool is how much of Memory, at its end, is set aside for shared buffers, in
	// bytes; rounded down to 2 MiB. See DefaultBufferPool.
	BufferPool uint64

	// ConsoleOut gets what the guest prints. It must not block for long.
	ConsoleOut func(p []byte)
	// Log gets one line for each new kind of event. May be nil.
	Log func(line string)
	// Realtime makes idle time pass at the speed of the host's clock, as people
	// expect of an interactive machine. Otherwise it is skipped.
	Realtime bool
	// WaitInput keeps a guest waiting that has nothing to do, because input may still
	// come (Post). Otherwise such a guest is stuck, which ends the run.
	WaitInput bool
}

// Machine is one emulated computer.
type Machine struct {
	clock
	mem      *mem.Memory
	code     *riscv.CodeCache
	harts    []*hart
	bus      *mmio.Bus
	placed   []placed // the devices, in order of their addresses
	events   eventLog
	firmware *sbi.Firmware

	sanitizer *dmasan.Sanitizer // nil if caches are coherent
	kernel    *linux.Kernel     // nil if there is no tracer
	tracer    *strace.Tracer    // nil if nobody wants to know

	aclint  *aclint.ACLINT
	plic    *plic.PLIC
	iommu   *iommu.IOMMU // nil if there is none
	uart    *uart.UART
	console *virtio.Console
	display *fimd.FIMD
	share   *bufshare.Share
	acting  string // the bus master that makes accesses now; empty for harts
	watch   bufferWatch
	// taskOf reads a task's name and number while it exists; nil if that is not possible.
	taskOf func(task, satp uint64) (symbols.Task, bool)
	pool   mmio.DTRef // its node; nil if there is none
	tree   *fdt.Node

	tohost mmio.PhysAddr

	cfg        Config
	result     *Result // set when the run is over
	paused     bool
	running    *hart
	retired    uint64        // instructions up to now, and
	barren     time.Duration // how long none was added to them
	roundEnd   time.Duration // where the running slice must end
	input      []byte        // console input that the UART has not taken yet
	feeds      []feed        // who waits for that
	inputTaken uint64        // bytes of console input taken so far
	output     []byte        // console output that was not passed on yet
	onByte     func(c byte)  // sees console output
	pace       pacer

	mu     sync.Mutex
	posted []func()      // guarded by mu
	wake   chan struct{} // has a value when posted is not empty
}

// hart is a hart and what the machine knows of it.
type hart struct {
	*riscv.Hart
	m      *Machine
	state  sbi.State
	idle   bool   // waits for an interrupt
	resume func() // what to do when a non-retentive suspension ends
}

// Check says in one line what is wrong with the size of the machine, if anything.
func (cfg *Config) Check() error {
	if cfg.Harts < 1 || cfg.Harts > MaxHarts {
		return fmt.Errorf("%d harts: a machine has 1 to %d", cfg.Harts, MaxHarts)
	}
	if cfg.Memory < MinMemory || cfg.Memory > MaxMemory || cfg.Memory%mem.PageSize != 0 {
		return fmt.Errorf("memory of %d bytes: need a multiple of 4 KiB from 1 MiB to 64 GiB", cfg.Memory)
	}
	if cfg.BufferPool > cfg.Memory/2 {
		return fmt.Errorf("a pool of %d bytes for shared buffers is more than half of the memory; give the machine more", cfg.BufferPool)
	}
	return cfg.Panel.check()
}

// New builds a machine and loads what it boots.
func New(cfg Config) (*Machine, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Panel == (Panel{}) {
		cfg.Panel = DefaultPanel()
	}
	m := &Machine{cfg: cfg, wake: make(chan struct{}, 1)}
	m.events = eventLog{index: make(map[eventKey]int), log: cfg.Log}
	m.clock.armed = m.timerArmed
	var err error
	if m.mem, err = mem.New(RAMBase, cfg.Memory); err != nil {
		return nil, err
	}
	m.mem.SetCache(cfg.Cache)
	m.code = riscv.NewCodeCache(m.mem)
	m.bus = mmio.NewBus(&m.events)
	for i := range cfg.Harts {
		h := &hart{m: m}
		h.Hart = riscv.New(riscv.Config{ID: uint64(i), Mem: m.mem, Code: m.code, Bus: &hartBus{m, h}, Env: h})
		m.harts = append(m.harts, h)
	}
	if cfg.FirmwareMode == FirmwareBuiltin {
		m.firmware = sbi.New(platform{m})
	}
	m.addSanitizer() // before those that it watches
	if err := m.addDevices(); err != nil {
		return nil, err
	}
	m.bus.Freeze()
	m.addTracer()
	if err := m.load(); err != nil {
		return nil, err
	}
	return m, nil
}

// load puts kernel, firmware, initramfs and device tree into RAM and the harts at
// their start.
func (m *Machine) load() error {
	cfg := &m.cfg
	req := loader.Request{RAMBase: RAMBase, RAMSize: cfg.Memory}
	if pool := cfg.bufferPool(); pool.Len > 0 {
		req.RAMSize = pool.Addr - uint64(RAMBase)
	}
	var err error
	if cfg.Kernel != nil {
		if req.Kernel, err = loader.LoadKernel(cfg.Kernel.Name, cfg.Kernel.Data); err != nil {
			return err
		}
	}
	if cfg.FirmwareMode == FirmwareFile {
		if cfg.Firmware == nil {
			return errors.New("no firmware given")
		}
		if req.Firmware, err = loader.LoadFirmware(cfg.Firmware.Name, cfg.Firmware.Data); err != nil {
			return err
		}
	}
	if cfg.Initrd != nil {
		if err := loader.CheckInitrd(cfg.Initrd.Name, cfg.Initrd.Data); err != nil {
			return err
		}
		req.InitrdSize = uint64(len(cfg.Initrd.Data))
	}
	if req.Kernel == nil && req.Firmware == nil {
		// A machine to be looked at: its harts stay off.
		for _, h := range m.harts {
			h.state = sbi.Stopped
		}
		_, err := m.deviceTree(0)
		return err
	}
	bare := cfg.FirmwareMode == FirmwareNone && req.Kernel != nil && req.Kernel.Kind == loader.KindELF
	var dtb []byte
	if !bare {
		if dtb, err = m.deviceTree(0); err != nil {
			return err
		}
		req.DTBSize = uint64(len(dtb))
	}
	lay, err := loader.Plan(req)
	if err != nil {
		return err
	}
	if lay.Initrd != 0 {
		m.mem.Init(lay.Initrd, cfg.Initrd.Data)
	}
	if dtb, err = m.deviceTree(lay.Initrd); err != nil {
		return err
	}
	if lay.DTB != 0 {
		m.mem.Init(lay.DTB, dtb)
	}
	for _, f := range []struct {
		k  *loader.Kernel
		at mmio.PhysAddr
	}{{req.Firmware, lay.Firmware}, {req.Kernel, lay.Kernel}} {
		if f.k == nil {
			continue
		}
		for _, s := range f.k.Segments {
			if !m.mem.Init(f.at+s.Addr, s.Data) {
				return fmt.Errorf("%s: segment at %#x does not lie in RAM", f.k.Name, uint64(f.at+s.Addr))
			}
		}
	}
	m.start(req, lay)
	if m.cfg.FirmwareMode == FirmwareNone && req.Kernel != nil {
		m.watchTohost(req.Kernel, lay.Kernel)
	}
	// What the files held is in RAM now.
	m.cfg.Kernel, m.cfg.Initrd, m.cfg.Firmware = nil, nil, nil
	return nil
}

// start puts the harts where the firmware mode has them begin.
func (m *Machine) start(req loader.Request, lay loader.Layout) {
	if m.firmware != nil {
		for _, h := range m.harts {
			h.state = sbi.Stopped
		}
		h := m.harts[0]
		h.state = sbi.Started
		h.StartSupervisor(uint64(lay.KernelEntry), 0, uint64(lay.DTB))
		return
	}
	entry := lay.KernelEntry
	if req.Firmware != nil {
		entry = lay.FirmwareEntry
		m.mem.Init(lay.DynamicInfo, loader.DynamicInfo(lay.KernelEntry, 0))
	}
	for i, h := range m.harts {
		h.Reset(uint64(entry))
		h.SetX(regA0, uint64(i))
		h.SetX(regA1, uint64(lay.DTB))
		h.SetX(regA2, uint64(lay.DynamicInfo))
		h.state = sbi.Started
	}
}

// watchTohost sets up the host-target interface of bare test programs.
func (m *Machine) watchTohost(k *loader.Kernel, at mmio.PhysAddr) {
	a, ok := k.Symbol("tohost")
	if !ok {
		return
	}
	m.tohost = (at + a) &^ 7
	for _, h := range m.harts {
		h.WatchStore(m.tohost)
	}
}

// Time implements riscv.Env: mtime.
func (h *hart) Time() uint64 { return h.m.aclint.MTime() }

// Ecall implements riscv.Env.
func (h *hart) Ecall(c *riscv.Hart) bool { return h.m.ecall(c) }

// TimerChanged implements riscv.Env.
func (h *hart) TimerChanged(*riscv.Hart) {
	if h.m.running == h {
		h.RequestExit()
	}
}

// StoreWatch implements riscv.Env: the host-target interface.
func (h *hart) StoreWatch(_ mmio.PhysAddr, v uint64) {
	m := h.m
	r := htif.Handle(v)
	if r.Kind == htif.Syscall {
		reply := r.Reply
		r = htif.Proxy{Memory: platform{m}, Console: func(p []byte) {
			for _, c := range p {
				m.consoleByte(c)
			}
		}}.Syscall(r.Addr)
		if from, ok := m.fromhost(); ok {
			m.mem.Store(from, 8, reply)
		}
	}
	switch r.Kind {
	case htif.Exit:
		m.stop(Result{Reason: TestExit, Status: int(min(r.Code, 1<<31-1))})
	case htif.Putchar:
		m.consoleByte(r.Char)
	default:
		return
	}
	m.mem.Store(m.tohost, 8, 0)
}

// fromhost is the word in which test programs expect answers: by convention it
// follows tohost at a distance of one cache block.
func (m *Machine) fromhost() (mmio.PhysAddr, bool) {
	a := m.tohost + riscv.CacheBlock
	return a, m.mem.Contains(a, 8)
}

// finish is what the guest asked of the power controller.
func (m *Machine) finish(a syscon.Action, status uint16) {
	switch a {
	case syscon.Reboot:
		m.stop(Result{Reason: Reboot})
	case syscon.Fail:
		m.stop(Result{Reason: PowerOff, Status: max(1, int(status))})
	default:
		m.stop(Result{Reason: PowerOff})
	}
}

// AgentPort is the machine's end of the guest agent's port. It belongs to the
// machine's goroutine.
func (m *Machine) AgentPort() *virtio.Port { return m.console.PortByName(AgentPort) }

// Bus is the machine's bus, for looking at devices.
func (m *Machine) Bus() *mmio.Bus { return m.bus }

// DeviceTree is the device tree that the guest got.
func (m *Machine) DeviceTree() *fdt.Node { return m.tree }

// Hart returns hart i, for debuggers and tests.
func (m *Machine) Hart(i int) *riscv.Hart { return m.harts[i].Hart }

// Display is the display controller. It belongs to the machine's goroutine.
func (m *Machine) Display() *fimd.FIMD { return m.display }

// Memory is the machine's RAM.
func (m *Machine) Memory() *mem.Memory { return m.mem }

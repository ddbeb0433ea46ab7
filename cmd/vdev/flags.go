// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"vdev/dmabuf"
	"vdev/emu"
	"vdev/emu/loader"
	"vdev/emu/mem"
)

// sizeFlag is a number of bytes written as 512M or 2G.
type sizeFlag uint64

func (s *sizeFlag) String() string {
	v := uint64(*s)
	for _, u := range sizeUnits {
		if v != 0 && v%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d%s", v>>u.shift, u.suffix)
		}
	}
	return strconv.FormatUint(v, 10)
}

var sizeUnits = [...]struct {
	suffix string
	shift  uint
}{{"G", 30}, {"M", 20}, {"K", 10}}

func (s *sizeFlag) Set(text string) error {
	t := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I")
	shift := uint(0)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(t, u.suffix); ok {
			t, shift = rest, u.shift
		}
	}
	v, err := strconv.ParseUint(t, 10, 64)
	if err != nil || v > math.MaxUint64>>shift {
		return fmt.Errorf("%q is not a size; write it like 512M or 2G", text)
	}
	*s = sizeFlag(v << shift)
	return nil
}

func (s *sizeFlag) Type() string { return "size" }

// machineFlags are the flags that boot and exec share.
type machineFlags struct {
	image    string
	kernel   string
	initrd   string
	append   string
	firmware string
	memory   sizeFlag
	harts    int
	seed     uint64
	disk     string
	diskRO   bool

	cache     string
	evictRate float64
	fillRate  float64
	ports     emu.Ports
	iommu     emu.IOMMUScope
	panel     emu.Panel
	sync      dmabuf.Mode
	tickets   dmabuf.Tickets
	report    string
	latent    bool
	trace     traceFlag

	display displayFlag
	ctl     string

	vmlinux, modules string // of the image, if its kernel is booted
	program          string // file of the program that exec runs
}

func (f *machineFlags) register(fs *pflag.FlagSet) {
	f.memory = 512 << 20
	fs.StringVar(&f.image, "image", "", "boot the guest image in `DIR` instead of the built one")
	fs.StringVar(&f.kernel, "kernel", "", "boot this kernel `FILE` (Image, compressed Image, or ELF) instead of the image's")
	fs.StringVar(&f.initrd, "initrd", "", "use this initramfs `FILE` instead of the image's; \"none\" for none")
	fs.StringVar(&f.append, "append", "", "append `ARGS` to the kernel command line")
	fs.StringVar(&f.firmware, "firmware", "", "run this M-mode firmware `FILE` (OpenSBI) instead of the built-in SBI; \"none\" starts the kernel in M-mode")
	fs.Var(&f.memory, "memory", "size of RAM")
	fs.IntVar(&f.harts, "harts", 1, "`NUMBER` of harts, 1 to 8")
	fs.Uint64Var(&f.seed, "seed", 0, "`NUMBER` that everything random in the machine comes from")
	fs.StringVar(&f.disk, "disk", "", "attach `FILE` as a virtio block device")
	fs.BoolVar(&f.diskRO, "disk-readonly", false, "do not let the guest write to the disk")
	fs.StringVar(&f.cache, "cache", mem.Lazy.String(), "what the caches do of their own accord: lazy, eager, random (see --seed), or coherent, which turns the model off")
	fs.Float64Var(&f.evictRate, "evict-rate", mem.DefaultRate, "with --cache random, how likely a dirty line is written back at each opportunity, 0 to 1")
	fs.Float64Var(&f.fillRate, "fill-rate", mem.DefaultRate, "with --cache random, how likely an invalid line is fetched at each opportunity, 0 to 1")
	f.ports = emu.DefaultPorts()
	fs.Var((*portsFlag)(&f.ports), "port", "how a device reaches memory, `DEVICE=WIRING`: "+strings.Join(emu.PortNames(), ", ")+"; coherent, noncoherent or miswired (the device tree says coherent, the port is not); may be repeated")
	f.iommu = emu.IOMMUMedia
	fs.Var((*scopeFlag)(&f.iommu), "iommu", "what the RISC-V IOMMU translates for: none, media (G2D and display), or all, disk and DMA tester too")
	f.panel = emu.DefaultPanel()
	fs.Var((*panelFlag)(&f.panel), "panel", "the display's panel")
	fs.Var((*syncFlag)(&f.sync), "sync", "what devices do about the locks of shared buffers: observe (break them, which is reported), enforce (wait for them), off (know nothing of them)")
	f.tickets = dmabuf.WaitDie
	fs.Var((*ticketsFlag)(&f.tickets), "tickets", "when the later one of two who want the locks of each other's buffers backs off: wait-die (as soon as it holds something and would have to wait: dmabuf-sync in 2013, Linux's dma_resv) or wound-wait (only when it is in the way of the earlier one)")
	fs.StringVar(&f.report, "report", "", "write the sanitizer's reports to `FILE`, one line of JSON each")
	fs.BoolVar(&f.latent, "report-latent", false, "report also what only a later access would make matter")
	fs.Var(&f.trace, "trace", traceHelp)
	f.display = noDisplay
	fs.Var(&f.display, "display", "save what the display shows: the last picture as `FILE`.png, or all as the video FILE.y4m, which may be a pipe")
	fs.StringVar(&f.ctl, "ctl", "", "take commands of \"vdev ctl\" at this `SOCKET`")
}

// portsFlag is the wirings as a flag.
type portsFlag emu.Ports

func (p *portsFlag) String() string        { return "" }
func (p *portsFlag) Set(text string) error { return (*emu.Ports)(p).Set(text) }
func (p *portsFlag) Type() string          { return "DEVICE=WIRING" }

// scopeFlag is the IOMMU's scope as a flag.
type scopeFlag emu.IOMMUScope

func (s *scopeFlag) String() string        { return emu.IOMMUScope(*s).String() }
func (s *scopeFlag) Set(text string) error { return (*emu.IOMMUScope)(s).Set(text) }
func (s *scopeFlag) Type() string          { return "none|media|all" }

// syncFlag is what devices do about locks, as a flag.
type syncFlag dmabuf.Mode

func (s *syncFlag) String() string { return dmabuf.Mode(*s).String() }

func (s *syncFlag) Set(text string) error {
	for _, m := range []dmabuf.Mode{dmabuf.Observe, dmabuf.Enforce, dmabuf.Off} {
		if text == m.String() {
			*s = syncFlag(m)
			return nil
		}
	}
	return fmt.Errorf("%q is not what a device can do about locks; write enforce, observe or off", text)
}

func (s *syncFlag) Type() string { return "enforce|observe|off" }

// ticketsFlag is who backs off, as a flag.
type ticketsFlag dmabuf.Tickets

func (t *ticketsFlag) String() string { return dmabuf.Tickets(*t).String() }

func (t *ticketsFlag) Set(text string) error {
	for _, k := range []dmabuf.Tickets{dmabuf.WaitDie, dmabuf.WoundWait} {
		if text == k.String() {
			*t = ticketsFlag(k)
			return nil
		}
	}
	return fmt.Errorf("%q is no rule for tickets; write wait-die or wound-wait", text)
}

func (t *ticketsFlag) Type() string { return "wait-die|wound-wait" }

// panelFlag is a panel as a flag.
type panelFlag emu.Panel

func (p *panelFlag) String() string { return emu.Panel(*p).String() }
func (p *panelFlag) Set(text string) (err error) {
	*(*emu.Panel)(p), err = emu.ParsePanel(text)
	return err
}
func (p *panelFlag) Type() string { return "WxH[@HZ]" }

// defaultArgs is the start of every kernel command line. A panic must end the run
// instead of hanging. The console is the device tree's stdout-path; without the other
// argument Linux would print everything a second time, on SBI's debug console, which
// is the same terminal. (Naming the console with console= would do too, but makes
// u-root's init put a pipe between the shell and its terminal.)
const defaultArgs = "panic=-1 initcall_blacklist=hvc_sbi_init"

// config reads the files and makes a machine configuration of the flags. extra
// goes to the kernel command line before --append. The caller closes the disk.
func (f *machineFlags) config(ctx context.Context, extra string) (emu.Config, *disk, error) {
	c := emu.Config{Memory: uint64(f.memory), Harts: f.harts, Seed: f.seed, BufferPool: emu.DefaultBufferPool(uint64(f.memory))}
	c.Append = strings.Join(strings.Fields(strings.Join([]string{defaultArgs, extra, f.append}, " ")), " ")
	// What the user can have got wrong comes first: an image may take minutes to build.
	var err error
	if c.Cache, err = f.cacheConfig(); err != nil {
		return c, nil, err
	}
	c.Ports, c.IOMMU, c.Panel, c.Sync, c.Tickets = f.ports, f.iommu, f.panel, f.sync, f.tickets
	if err := c.Check(); err != nil {
		return c, nil, err
	}
	if err := f.readFiles(&c); err != nil {
		return c, nil, err
	}
	var d *disk
	if f.disk != "" {
		var err error
		if d, err = openDisk(f.disk, f.diskRO); err != nil {
			return c, nil, err
		}
		c.Disk, c.DiskID = d, "vdev"
	}
	if err := f.readImage(ctx, &c); err != nil {
		return c, nil, errors.Join(err, d.Close())
	}
	return c, d, nil
}

// readFiles reads the files that flags name.
func (f *machineFlags) readFiles(c *emu.Config) (err error) {
	if f.kernel != "" {
		if c.Kernel, err = readFile("kernel", f.kernel, loader.MaxKernel); err != nil {
			return err
		}
	}
	if f.initrd != "" && f.initrd != "none" {
		if c.Initrd, err = readFile("initrd", f.initrd, loader.MaxInitrd); err != nil {
			return err
		}
	}
	switch f.firmware {
	case "":
	case "none":
		c.FirmwareMode = emu.FirmwareNone
	default:
		c.FirmwareMode = emu.FirmwareFile
		c.Firmware, err = readFile("firmware", f.firmware, loader.MaxKernel)
	}
	return err
}

// readImage takes what flags do not name from the guest image.
func (f *machineFlags) readImage(ctx context.Context, c *emu.Config) error {
	needInitrd := f.initrd == "" && f.firmware != "none"
	if c.Kernel != nil && !needInitrd {
		return nil
	}
	img, err := openImage(ctx, f.image)
	if err != nil {
		return err
	}
	if c.Kernel == nil {
		f.vmlinux, f.modules = img.Vmlinux, img.Modules
		if c.Kernel, err = readFile("kernel", img.Kernel, loader.MaxKernel); err != nil {
			return err
		}
	}
	if needInitrd {
		c.Initrd, err = readFile("initrd", img.Initramfs, loader.MaxInitrd)
	}
	return err
}

func (f *machineFlags) cacheConfig() (mem.CacheConfig, error) {
	c := mem.CacheConfig{Seed: f.seed, EvictRate: f.evictRate, FillRate: f.fillRate}
	for _, rate := range []float64{f.evictRate, f.fillRate} {
		if !(rate >= 0 && rate <= 1) {
			return c, fmt.Errorf("rate %v: a probability is 0 to 1", rate)
		}
	}
	var err error
	c.Mode, err = mem.ParseMode(f.cache)
	return c, err
}

func readFile(what, name string, limit int64) (*emu.File, error) {
	data, err := loader.ReadFile(what, name, limit)
	if err != nil {
		return nil, err
	}
	return &emu.File{Name: name, Data: data}, nil
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"vdev/emu"
	"vdev/mmio"
	"vdev/mmio/virtio"
)

func newDevicesCmd() *cobra.Command {
	var dts, markdown bool
	var harts int
	cmd := &cobra.Command{
		Use:   "devices [NAME]",
		Short: "List the machine's devices, or describe one device's registers",
		Long: `List the machine's devices with their addresses and interrupts. With a NAME from
that list, describe the device's registers.`,
		Example: `  vdev devices
  vdev devices uart0
  vdev devices --dts`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := emu.New(emu.Config{Memory: 128 << 20, Harts: harts, Disk: noDisk{}})
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case dts && len(args) > 0:
				return errors.New("--dts prints the whole device tree: give no NAME with it")
			case dts:
				_, err = io.WriteString(out, m.DeviceTree().String())
				return err
			case len(args) > 0:
				return describeDevice(out, m, args[0], markdown)
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			listDevices(w, describeDevices(m), false)
			return w.Flush()
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&dts, "dts", false, "print the device tree")
	fs.BoolVar(&markdown, "markdown", false, "describe the registers as a page of documentation")
	fs.IntVar(&harts, "harts", 1, "number of harts, 1 to 8")
	return cmd
}

// noDisk lets the block device be there to be described.
type noDisk struct{}

var _ virtio.Backend = noDisk{}

func (noDisk) ReadAt([]byte, int64) (int, error)  { return 0, io.EOF }
func (noDisk) WriteAt([]byte, int64) (int, error) { return 0, io.ErrShortWrite }
func (noDisk) Size() int64                        { return virtio.SectorSize }
func (noDisk) Flush() error                       { return nil }
func (noDisk) ReadOnly() bool                     { return true }

// deviceEntry is a device in the list of devices.
type deviceEntry struct {
	Name   string   `json:"name"`
	Base   string   `json:"base"` // with 0x
	Size   uint64   `json:"size"` // bytes
	IRQ    []uint32 `json:"irq,omitempty"`
	Title  string   `json:"title,omitempty"`
	Events uint64   `json:"events"` // how many it has had
}

// describeDevices lists the devices in order of their addresses.
func describeDevices(m *emu.Machine) []deviceEntry {
	count := map[string]uint64{}
	for _, e := range m.Events() {
		count[e.First.Device] += e.Count
	}
	var list []deviceEntry
	for _, d := range m.Devices() {
		e := deviceEntry{Name: d.Name, Base: fmt.Sprintf("0x%08x", uint64(d.Base)), Size: d.Size, IRQ: d.IRQ, Events: count[d.Name]}
		if d.Regs != nil {
			e.Title = d.Regs.Block().Title
		}
		list = append(list, e)
	}
	return list
}

// listDevices writes a line for each device, with its events if those are of interest.
func listDevices(w io.Writer, list []deviceEntry, events bool) {
	column := func(what any) string {
		if !events {
			return ""
		}
		return fmt.Sprintf("%v\t", what)
	}
	fmt.Fprintf(w, "NAME\tADDRESS\tSIZE\tIRQ\t%sDESCRIPTION\n", column("EVENTS"))
	for _, d := range list {
		irq := "-"
		if len(d.IRQ) != 0 {
			irq = sources(d.IRQ)
		}
		fmt.Fprintf(w, "%s\t%s\t%#x\t%s\t%s%s\n", d.Name, d.Base, d.Size, irq, column(d.Events), d.Title)
	}
}

// describeDevice writes the register table of the device of that name.
func describeDevice(w io.Writer, m *emu.Machine, name string, markdown bool) error {
	var names []string
	for _, d := range m.Devices() {
		if d.Name != name {
			names = append(names, d.Name)
			continue
		}
		if d.Regs == nil {
			return fmt.Errorf("device %s has no register table", name)
		}
		if markdown {
			return d.Regs.Block().WriteMarkdown(w, name)
		}
		return writeRegisters(w, d)
	}
	return fmt.Errorf("no device %q; there are %s", name, strings.Join(names, ", "))
}

// writeRegisters writes a register table for people at a terminal.
func writeRegisters(out io.Writer, d emu.DeviceInfo) error {
	var buf bytes.Buffer
	b := d.Regs.Block()
	fmt.Fprintf(&buf, "%s: %s\nat %v", d.Name, b.Title, d.Region)
	if len(d.IRQ) != 0 {
		fmt.Fprintf(&buf, ", interrupt %s", sources(d.IRQ))
	}
	fmt.Fprintln(&buf)
	if b.Doc != "" {
		fmt.Fprintln(&buf, b.Doc)
	}
	fmt.Fprintln(&buf)
	w := tabwriter.NewWriter(&buf, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "OFFSET\tNAME\tBITS\tACCESS\tRESET\tDESCRIPTION")
	for i := range b.Regs {
		r := d.Regs.Reg(mmio.RegID(i))
		off, label := fmt.Sprintf("%#x", r.Offset), r.Name
		if r.Count > 1 {
			off += fmt.Sprintf("+%#x*n", r.Stride)
			label += fmt.Sprintf("[%d]", r.Count)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%#x\t%s\n", off, label, 8*r.Width, r.Access, r.Reset, r.Doc)
		for _, f := range r.Fields {
			bits := fmt.Sprint(f.Lo)
			if f.Hi != f.Lo {
				bits = fmt.Sprintf("%d:%d", f.Hi, f.Lo)
			}
			doc := f.Doc
			for _, e := range f.Enum {
				doc += fmt.Sprintf(" %d=%s", e.Value, e.Name)
			}
			fmt.Fprintf(w, "\t  %s\t%s\t\t\t%s\n", f.Name, bits, strings.TrimSpace(doc))
		}
	}
	w.Flush()
	_, err := out.Write(buf.Bytes())
	return err
}

// sources lists consecutive interrupt sources.
func sources(irqs []uint32) string {
	if len(irqs) == 1 {
		return fmt.Sprint(irqs[0])
	}
	return fmt.Sprintf("%d-%d", irqs[0], irqs[len(irqs)-1])
}

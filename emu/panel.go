// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"fmt"
	"strconv"
	"strings"

	"vdev/mmio"
)

// Panel is the display panel at the end of the display controller's RGB interface.
type Panel struct {
	Width, Height int // pixels
	Refresh       int // Hz
}

// DefaultPanel is what a machine has if nobody asks for another.
func DefaultPanel() Panel { return Panel{Width: 1280, Height: 720, Refresh: 60} }

// The limits of panels: the width of the fields of FIMD's VIDTCON2, and one pixel
// clock that 32 bits of a device tree can tell.
const (
	minPanel   = 16
	maxPanel   = 2048
	maxRefresh = 240
)

// ParsePanel reads "1280x720" or "1920x1080@50".
func ParsePanel(text string) (Panel, error) {
	size, rate, given := strings.Cut(text, "@")
	width, height, ok := strings.Cut(size, "x")
	p := DefaultPanel()
	var errs [3]error
	p.Width, errs[0] = strconv.Atoi(width)
	p.Height, errs[1] = strconv.Atoi(height)
	if given {
		p.Refresh, errs[2] = strconv.Atoi(rate)
	}
	if !ok || errs != [3]error{} {
		return Panel{}, fmt.Errorf("%q is not a panel; write WIDTHxHEIGHT or WIDTHxHEIGHT@HZ, for example 1920x1080@60", text)
	}
	return p, p.check()
}

func (p Panel) check() error {
	if p == (Panel{}) {
		return nil
	}
	if min(p.Width, p.Height) < minPanel || max(p.Width, p.Height) > maxPanel || p.Refresh < 1 || p.Refresh > maxRefresh {
		return fmt.Errorf("panel of %v: width and height are %d to %d, the refresh rate is 1 to %d Hz", p, minPanel, maxPanel, maxRefresh)
	}
	return nil
}

// String is the panel as ParsePanel reads it.
func (p Panel) String() string { return fmt.Sprintf("%dx%d@%d", p.Width, p.Height, p.Refresh) }

// The blanking of all panels, in pixels and lines; VESA's reduced blanking has the same
// order of size.
const (
	hFrontPorch, hSync, hBackPorch = 48, 32, 80
	vFrontPorch, vSync, vBackPorch = 3, 6, 20
)

// pixelClock is the rate of pixels in Hz, blanking included.
func (p Panel) pixelClock() uint64 {
	h := p.Width + hFrontPorch + hSync + hBackPorch
	v := p.Height + vFrontPorch + vSync + vBackPorch
	return uint64(h * v * p.Refresh)
}

// panelClockDivider is what Linux's driver divides FIMD's source clock by to get the
// pixel clock.
const panelClockDivider = 4

// fimdRGBPort is the number of the controller's RGB output in the device tree
// (Documentation/devicetree/bindings/display/samsung/samsung,fimd.yaml).
const fimdRGBPort = 3

// describe writes the panel's node (Documentation/devicetree/bindings/display/panel/panel-dpi.yaml)
// and connects it with the controller.
func (p Panel) describe(n, controller mmio.DTNode) {
	n.SetProp("compatible", "panel-dpi")
	in := n.Child("port").Child("endpoint")
	port := controller.Child(fmt.Sprintf("port@%d", fimdRGBPort))
	port.SetProp("reg", uint32(fimdRGBPort))
	out := port.Child("endpoint")
	in.SetProp("remote-endpoint", out.Ref())
	out.SetProp("remote-endpoint", in.Ref())
	t := n.Child("panel-timing")
	for _, e := range []struct {
		name  string
		value int
	}{
		{"clock-frequency", int(p.pixelClock())},
		{"hactive", p.Width}, {"hfront-porch", hFrontPorch}, {"hsync-len", hSync}, {"hback-porch", hBackPorch},
		{"vactive", p.Height}, {"vfront-porch", vFrontPorch}, {"vsync-len", vSync}, {"vback-porch", vBackPorch},
	} {
		t.SetProp(e.name, uint32(e.value))
	}
}

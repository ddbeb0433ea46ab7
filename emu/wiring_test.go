// SPDX-License-Identifier: Apache-2.0

package emu

import (
	"strings"
	"testing"
)

func TestParsePanel(t *testing.T) {
	for _, test := range []struct {
		text string
		want Panel // zero for an error
	}{
		{"1280x720", Panel{1280, 720, 60}},
		{"1920x1080@50", Panel{1920, 1080, 50}},
		{"2048x2048@1", Panel{2048, 2048, 1}},
		{"2049x720", Panel{}},
		{"1280x8", Panel{}},
		{"1280x720@0", Panel{}},
		{"1280x720@1000", Panel{}},
		{"1280x720@60Hz", Panel{}},
		{"1280x720 60", Panel{}},
		{"1280", Panel{}},
		{"", Panel{}},
		{"-5x720", Panel{}},
	} {
		got, err := ParsePanel(test.text)
		if (err == nil) != (test.want != Panel{}) || err == nil && got != test.want {
			t.Errorf("%q: %v, %v; want %v", test.text, got, err, test.want)
		}
		if err == nil {
			if again, err := ParsePanel(got.String()); err != nil || again != got {
				t.Errorf("%v does not read back: %v, %v", got, again, err)
			}
		}
	}
}

func TestWiring(t *testing.T) {
	p := DefaultPorts()
	for _, name := range PortNames() {
		if err := p.Set(name + "=miswired"); err != nil {
			t.Error(err)
		}
	}
	if want := (Ports{WiredWrong, WiredWrong, WiredWrong, WiredWrong, WiredWrong, WiredWrong}); p != want {
		t.Errorf("ports are %v", p)
	}
	for text, want := range map[string]string{
		"block":          "not a wiring",
		"block=shared":   "not a wiring",
		"gpu=coherent":   "block, console, dma-tester, fimd, g2d, rng",
		"g2d=coherent":   "never coherent",
		"block=coherent": "",
	} {
		err := p.Set(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var s IOMMUScope
	for _, name := range []string{"none", "media", "all"} {
		if err := s.Set(name); err != nil || s.String() != name {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if err := s.Set("some"); err == nil || !strings.Contains(err.Error(), "none, media, all") {
		t.Error(err)
	}
}

// TestScope looks into the device tree for what is behind the IOMMU.
func TestScope(t *testing.T) {
	for scope, want := range map[IOMMUScope][]string{
		IOMMUNone:  nil,
		IOMMUMedia: {"g2d@10800000", "fimd@11c00000"},
		IOMMUAll:   {"dma-controller@10010000", "g2d@10800000", "fimd@11c00000"},
	} {
		m, err := New(Config{Memory: MinMemory, Harts: 1, Ports: DefaultPorts(), IOMMU: scope})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for n := range m.DeviceTree().Lookup("/soc").Children() {
			if _, ok := n.Prop("iommus"); ok {
				got = append(got, n.Name())
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v: %v are behind the IOMMU, want %v", scope, got, want)
		}
	}
}

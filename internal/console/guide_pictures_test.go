package console_test

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"slipway"
)

// TestGuideInPictures follows the guide from the identity to the pipeline by its
// own example. With $SLIPWAY_PICTURES set it keeps there what docs/guide.md shows.
func TestGuideInPictures(t *testing.T) {
	w := newWorld(t)
	if _, err := w.things.CreateProject(t.Context(), w.admin, slipway.Project{ID: "my-project", Title: "My project"}); err != nil {
		t.Fatal(err)
	}
	w.database("prod", "mydb", "my-project")
	b := w.tab(t, adminEmail)
	b.scheme("light")
	b.do(chromedp.EmulateViewport(1280, 800))
	b.open("/users")
	b.click("Add User")
	b.at("/users/new")
	b.click("Workload Identity")
	b.fill("Name", "GitLab Deploy")
	b.fill("Email", "gitlab-deploy")
	b.fill("Group / Username", "my-group")
	b.fill("Project", "my-project")
	b.choose("Allowed Branches/Tags", "Specific branch")
	b.fill("Branch", "main")
	b.see("Branch main of my-group/my-project on gitlab.com")
	b.do(chromedp.EmulateViewport(1280, 1080))
	b.picture("add-user")
	b.do(chromedp.EmulateViewport(1280, 800))
	b.click("Confirm")
	b.at("/workload-identities/gitlab-deploy@workload.bytebase.com")
	b.open("/workload-identities/gitlab-deploy@workload.bytebase.com")
	b.see("What a token has to say")
	b.picture("identity")

	b.open("/projects/my-project/members")
	b.click("Grant Access")
	b.at("/projects/my-project/members/grant")
	b.fill("Email", "gitlab-deploy@workload.bytebase.com")
	b.do(chromedp.Click(chromedp.CSS(`[value="roles/gitopsServiceAgent"]`), chromedp.NodeVisible))
	b.picture("grant-access")
	b.click("Confirm")
	b.at("/projects/my-project/members")
	b.see("GitLab Deploy", "GitOps Service Agent")

	b.open("/workload-identities/gitlab-deploy@workload.bytebase.com/pipeline?project=my-project")
	b.see("slipway rollout", "instances/prod/databases/mydb")
	b.picture("pipeline")
}

// TestGuideEndsInARollout shows the rollout that a pipeline made on its way.
func TestGuideEndsInARollout(t *testing.T) {
	y := newYard(t)
	b := y.tab(t, adminEmail)
	b.scheme("light")
	b.do(chromedp.EmulateViewport(1280, 800))
	b.open("/projects/shop/rollouts/2?stage=prod")
	b.see("duplicate column name", "Running")
	b.picture("rollout")
}

// picture keeps what shows as a picture of the guide, with the address that the
// guide's server has in place of this one's.
func (b *tab) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("SLIPWAY_PICTURES")
	if folder == "" {
		return
	}
	script[bool](b, `document.fonts.ready.then(() => {
		document.activeElement.blur();
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data.replaceAll(location.origin, "https://slipway.example.com");
		return true;
	})`)
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	small, err := shrink(raw)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), small, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// shrink returns a picture in at most 256 of its colours: those that it has most
// of and that are not nearly the same as another.
func shrink(raw []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	area := full.Bounds()
	found := map[color.RGBA]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			found[color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)]++
		}
	}
	var colours []color.RGBA
	for c := range found {
		colours = append(colours, c)
	}
	value := func(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
	slices.SortFunc(colours, func(a, b color.RGBA) int { return cmp.Or(found[b]-found[a], value(a)-value(b)) })
	palette := distinct(colours, 4)
	for step := 8; len(palette) > 256; step *= 2 {
		palette = distinct(colours, step)
	}
	few := image.NewPaletted(area, palette)
	draw.Draw(few, area, full, area.Min, draw.Src)
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, few)
	return b.Bytes(), err
}

// distinct returns the colours that are at least step apart from those before
// them, 257 at most.
func distinct(colours []color.RGBA, step int) color.Palette {
	var list color.Palette
	for _, c := range colours {
		if !slices.ContainsFunc(list, func(p color.Color) bool { return apart(p.(color.RGBA), c) < step }) {
			list = append(list, c)
		}
		if len(list) > 256 {
			break
		}
	}
	return list
}

// apart returns how far two colours are from each other, over all channels.
func apart(a, b color.RGBA) int {
	step := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return step(a.R, b.R) + step(a.G, b.G) + step(a.B, b.B)
}

// TestShrink holds what is kept against what was there.
func TestShrink(t *testing.T) {
	full := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for x := range 40 {
		for y := range 20 {
			full.Set(x, y, color.RGBA{uint8(x * 6), uint8(y * 12), 0, 255}) // 800 colours
		}
	}
	var raw bytes.Buffer
	if err := png.Encode(&raw, full); err != nil {
		t.Fatal(err)
	}
	small, err := shrink(raw.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := got.ColorModel().(color.Palette); !ok || len(p) > 256 || len(p) < 64 || got.Bounds() != full.Bounds() {
		t.Errorf("%d bytes, %v, colours %T", len(small), got.Bounds(), got.ColorModel())
	}
	for x := range 40 {
		for y := range 20 {
			now, was := color.RGBAModel.Convert(got.At(x, y)).(color.RGBA), full.RGBAAt(x, y)
			if apart(now, was) > 32 {
				t.Errorf("%d, %d is %v, was %v", x, y, now, was)
			}
		}
	}
}

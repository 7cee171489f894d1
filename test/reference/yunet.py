"""yunet.py MODEL.onnx FACES.h5 VIDEO.rgb WIDTH HEIGHT - compare the faces of va-faces with OpenCV's FaceDetectorYN.

FACES.h5 is of the video whose frames, RGB24, one after the other, are in VIDEO.rgb; found with --min-score .6
--min-size 0. Prints what was compared and the worst difference. Exit 1: boxes or points are off by more than
half a pixel, scores by more than .002, or a face is missing.
"""

import sys

import cv2
import h5py
import numpy as np

model, faces, video = sys.argv[1:4]
width, height = int(sys.argv[4]), int(sys.argv[5])
scale = min(1, 640 / max(width, height))
small = round(width * scale), round(height * scale)
detector = cv2.FaceDetectorYN.create(model, "", small, 0.6, 0.3, 5000)
frames = np.memmap(video, np.uint8, "r").reshape(-1, height, width, 3)
found = h5py.File(faces)
index = found["index"][:]
rows = np.concatenate([found["box"][:], found["points"][:].reshape(-1, 10), found["score"][:][:, None]], 1)
worst, compared = np.zeros(2), 0
for t, rgb in enumerate(frames):
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    if scale < 1:
        bgr = cv2.resize(bgr, small, interpolation=cv2.INTER_AREA)
    theirs = detector.detect(bgr)[1]
    theirs = np.zeros((0, 15)) if theirs is None else theirs.astype(float)
    ours = rows[index == t + 1].astype(float)
    ours[:, :14] *= np.tile([small[0] / width, small[1] / height], 7)
    # a face whose score is on the very limit may be on either side of it
    if abs(len(ours) - len(theirs)) > sum(abs(theirs[:, 14] - 0.6) < 0.002) + sum(abs(ours[:, 14] - 0.6) < 0.002):
        sys.exit(f"frame {t + 1}: {len(ours)} faces, expected {len(theirs)}")
    for face in theirs:
        near = np.abs(ours[:, :4] - face[:4]).max(1) if len(ours) else np.array([])
        if len(near) == 0 or near.min() > 5:
            if abs(face[14] - 0.6) < 0.002:
                continue
            sys.exit(f"frame {t + 1}: no face at {face[:4]}")
        off = np.abs(ours[near.argmin()] - face)
        worst = np.maximum(worst, [off[:14].max(), off[14]])
        compared += 1
print(f"{len(frames)} frames, {compared} faces, OpenCV {cv2.__version__}: {worst[0]:.4f} pixels, score {worst[1]:.6f}")
sys.exit(int(worst[0] > 0.5 or worst[1] > 0.002))

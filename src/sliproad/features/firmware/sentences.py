"""Every sentence that is kept of a fetched log or a firmware update, as a pattern that pages can translate (`foundation.sentences`).

`uploads_model`, `updates_model` and what follows them write these; pages of later rooms show them.
"""

from sliproad.foundation.language import marked
from sliproad.foundation.sentences import Sentences

UPLOADS = (
    marked("The charge point is being asked for its log"),
    marked("The charge point could not be asked for its log: it was not connected"),
    marked("The charge point has not answered the request for its log yet"),
    marked("The charge point accepted; it has not begun to upload yet"),
    marked("The charge point says that it is uploading"),
    marked("The file is arriving"),
    marked("The file has arrived: %(size)s"),
    marked("The charge point has no diagnostics to upload"),
    marked("The charge point refused the request for its log"),
    marked("The charge point refused the request for its log: %(reason)s"),
    marked("The charge point could not upload the file"),
    marked("Check that it can reach our web address from its network, and that it uploads by HTTP"),
    marked("The charge point did not understand the request for its log"),
    marked("The charge point says that our address refused the file"),
    marked("The charge point can't upload files to an HTTP address"),
    marked("Fetch its log on site"),
    marked("The charge point dropped this upload for a newer request"),
    marked("The charge point does not know %(action)s"),
    marked("The charge point answered %(action)s with the error %(error)s"),
    marked("%(action)s can't be sent to this charge point: %(what)s"),
    marked("The charge point says that it uploaded the file, but nothing arrived here"),
    marked("It may have sent it elsewhere"),
    marked("The charge point began to upload its log but never finished"),
    marked("The charge point accepted but never uploaded a file"),
)
UPDATES = (
    marked("The charge point is being told to update its firmware"),
    marked("The charge point could not be told to update: it was not connected"),
    marked("The charge point has not answered the request to update yet"),
    marked("The charge point accepted; it has not begun to download yet"),
    marked("The charge point will download the firmware at the time that was set"),
    marked("The charge point is downloading the firmware"),
    marked("The charge point has paused the download"),
    marked("The charge point has downloaded the firmware"),
    marked("The charge point has verified the signature of the firmware"),
    marked("The charge point will install the firmware when it may"),
    marked("The charge point is installing the firmware"),
    marked("The charge point is rebooting to install the firmware"),
    marked("The charge point says that it has installed the firmware; its boot has to prove it"),
    marked("The charge point could not download the firmware"),
    marked("Check that it can reach the address from its network"),
    marked("The charge point downloaded the firmware but could not install it"),
    marked("Check that it is for this model"),
    marked("The charge point installed the firmware but found it damaged and did not keep it"),
    marked("The charge point refused the firmware: its signature is not valid for the signing certificate"),
    marked("The charge point refused the update"),
    marked("The charge point does not trust the signing certificate"),
    marked("The charge point says that the signing certificate is revoked"),
    marked("It does not take signed firmware; add it without its signature"),
    marked("The charge point booted with firmware %(version)s"),
    marked("The charge point says that the firmware is installed, but it booted with %(booted)s, not %(version)s"),
    marked("The charge point accepted the update but never began to download in time"),
    marked("The charge point began to download the firmware but never finished in time"),
    marked("The charge point downloaded the firmware but never installed it in time"),
    marked("The charge point began to install the firmware but never booted with it in time"),
)
REFUSALS = (
    marked("The charge point is not connected"),
    marked("A log of this charge point is being fetched already"),
    marked("There is no such upload"),
    marked("This project has been handed over; nothing in it can be changed"),
)
SENTENCES = Sentences((*UPLOADS, *UPDATES, *REFUSALS))
told = SENTENCES.told

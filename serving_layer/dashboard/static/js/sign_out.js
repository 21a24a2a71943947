// Signs out: the browser forgets its token.
import { send } from "./http.js";

document.querySelector("[data-sign-out]").addEventListener("click", async () => {
  await send("DELETE", "/dashboard/session");
  location.assign("/sign-in");
});

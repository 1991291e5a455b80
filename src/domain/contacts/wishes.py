"""What people say to stop and to start: whole messages, in their languages."""

import unicodedata
from enum import StrEnum


class Wish(StrEnum):
    """What somebody wants to hear from us."""

    STOP = "stop"
    START = "start"


_STOP = """
stop|stop all|stopall|unsubscribe|opt out|optout|opt-out|quit|cancel all|end messages|remove me
arrêt|arret|arrêter|stopper|désabonner|désinscription|se désabonner|se désinscrire
parar|pare|sair|cancelar inscrição|descadastrar|remover
alto|baja|darse de baja|dar de baja|cancelar suscripción|no más mensajes|detener
stopp|abmelden|abbestellen|austragen|keine nachrichten
ferma|fermati|cancellami|disiscrivimi|annulla iscrizione
afmelden|uitschrijven|avmeld|avregistrera|avsluta|afmeld|frameld|lopeta|peruuta tilaus
wypisz|zatrzymaj|rezygnuję|odhlásit|odhlásiť|zrušit odběr|leiratkozás|dezabonare|opreste|oprește
стоп|отписаться|отписка|відписатися|отпиши ме|одјава|διακοπή|κατάργηση εγγραφής|σταμάτα
dur|durdur|iptal et|abonelikten çık|لغو|لغو اشتراک|إيقاف|ايقاف|توقف|إلغاء الاشتراك|الغاء الاشتراك
הסר|הסירו|עצור|הפסק|रोकें|रोको|बंद करो|बंद करें|बंद|সদস্যতা ত্যাগ|বন্ধ|বন্ধ করুন|નીકળો|બંધ કરો|ನಿಲ್ಲಿಸಿ|നിർത്തുക
थांबवा|ਬੰਦ ਕਰੋ|நிறுத்து|ఆపండి|بند کریں|หยุด|ยกเลิกการรับข่าวสาร|berhenti|henti|dừng|hủy đăng ký|huỷ đăng ký
停止|退订|退訂|取消订阅|取消訂閱|配信停止|停止する|수신거부|중지|itigil|acha|komesha|misa|dakatar|yamaho|shekarar
"""

_START = """
start|subscribe|unstop|opt in|optin|opt-in|resume
démarrer|reprendre|s'abonner|abonner|commencer
começar|iniciar|inscrever|voltar|retomar
alta|darse de alta|suscribir|suscribirme|reanudar
anmelden|abonnieren|starten|iscrivimi|riprendi|aanmelden|inschrijven|starta|tilmeld|påmeld|aloita|tilaa
zapisz|wznów|přihlásit|prihlásiť|feliratkozás|abonare
старт|подписаться|підписатися|абонирай|έναρξη|εγγραφή
başlat|abone ol|شروع|اشتراك|ابدأ|بدء|הצטרף|התחל|חדש|शुरू|शुरू करें|शुरू करो|শুরু|શરૂ કરો|ಪ್ರಾರಂಭಿಸಿ|ആരംഭിക്കുക
सुरू करा|ਸ਼ੁਰੂ ਕਰੋ|தொடங்கு|ప్రారంభించండి|شروع کریں|เริ่ม|สมัครรับข่าวสาร|mulai|mula|bắt đầu|đăng ký
开始|開始|订阅|訂閱|配信再開|수신동의|시작|simulan|anza|fara
"""


def _plain(text: str) -> str:
    """As words are compared: composed, without case, outer white space and closing punctuation."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.strip().strip(".!?。！¡¿\"'“”‘’*_").split())


_WISHES = {
    _plain(word): wish
    for words, wish in ((_STOP, Wish.STOP), (_START, Wish.START))
    for line in words.strip().splitlines()
    for word in line.split("|")
}


def wish_in(text: str) -> Wish | None:
    """The wish that is the whole message; a longer sentence is for a person to read, not for us to guess."""
    return _WISHES.get(_plain(text)) if len(text) <= 64 else None
